import CSuperv
import Glibc

/// A signal by its number (signal(7)).
package struct Signal: Hashable, Sendable, CustomStringConvertible {
  package let number: Int32

  package init(_ number: Int32) { self.number = number }

  package static let hangUp = Signal(SIGHUP)
  package static let interrupt = Signal(SIGINT)
  package static let quit = Signal(SIGQUIT)
  package static let kill = Signal(SIGKILL)
  package static let user1 = Signal(SIGUSR1)
  package static let user2 = Signal(SIGUSR2)
  package static let pipe = Signal(SIGPIPE)
  package static let terminate = Signal(SIGTERM)
  package static let child = Signal(SIGCHLD)
  package static let resume = Signal(SIGCONT)
  package static let stop = Signal(SIGSTOP)
  package static let windowChange = Signal(SIGWINCH)
  package static let powerFailure = Signal(SIGPWR)

  /// Understands `TERM`, `SIGTERM`, `term`, `15`, `RTMIN`, `RTMIN+3` and `RTMAX-1`.
  ///
  /// - Returns: nil for anything else, numbers outside 1...64 included.
  package init?(named text: String) {
    var name = text.uppercased()
    if let number = Int32(name) {
      guard (1...64).contains(number) else { return nil }
      self.init(number)
      return
    }
    if name.hasPrefix("SIG") { name.removeFirst(3) }
    if let number = Self.aliases.first(where: { $0.name == name })?.number {
      self.init(number)
    } else if let number = Self.names.first(where: { $0.name == name })?.number {
      self.init(number)
    } else if let number = Self.realTime(name) {
      self.init(number)
    } else {
      return nil
    }
  }

  /// The name without `SIG`, for example `TERM` or `RTMIN+3`; the number where there is none.
  package var name: String {
    if let known = Self.names.first(where: { $0.number == number }) { return known.name }
    let first = csv_sigrtmin()
    guard (first...csv_sigrtmax()).contains(number) else { return String(number) }
    return number == first ? "RTMIN" : "RTMIN+\(number - first)"
  }

  /// For example `SIGTERM`.
  package var description: String {
    name.first?.isNumber == true ? "signal \(number)" : "SIG\(name)"
  }

  /// Ignores the signal in this process. Spawned processes get the default all the same.
  package func ignore() throws(SystemError) {
    try retrying("signal", subject: description) { csv_ignore_signal(number) }
  }

  /// As the kernel's bit set: bit n-1 stands for signal n.
  static func mask(_ signals: [Signal]) -> UInt64 {
    signals.reduce(0) { $0 | 1 << UInt64($1.number - 1) }
  }

  private static func realTime(_ name: String) -> Int32? {
    let first = csv_sigrtmin()
    let last = csv_sigrtmax()
    if name == "RTMIN" { return first }
    if name == "RTMAX" { return last }
    guard let distance = Int32(name.dropFirst(6)), (0...last - first).contains(distance) else {
      return nil
    }
    if name.hasPrefix("RTMIN+") { return first + distance }
    return name.hasPrefix("RTMAX-") ? last - distance : nil
  }

  private static let names: [(name: String, number: Int32)] = [
    ("HUP", SIGHUP), ("INT", SIGINT), ("QUIT", SIGQUIT), ("ILL", SIGILL), ("TRAP", SIGTRAP),
    ("ABRT", SIGABRT), ("BUS", SIGBUS), ("FPE", SIGFPE), ("KILL", SIGKILL), ("USR1", SIGUSR1),
    ("SEGV", SIGSEGV), ("USR2", SIGUSR2), ("PIPE", SIGPIPE), ("ALRM", SIGALRM),
    ("TERM", SIGTERM), ("STKFLT", 16), ("CHLD", SIGCHLD), ("CONT", SIGCONT), ("STOP", SIGSTOP),
    ("TSTP", SIGTSTP), ("TTIN", SIGTTIN), ("TTOU", SIGTTOU), ("URG", SIGURG), ("XCPU", SIGXCPU),
    ("XFSZ", SIGXFSZ), ("VTALRM", SIGVTALRM), ("PROF", SIGPROF), ("WINCH", SIGWINCH),
    ("IO", 29), ("PWR", SIGPWR), ("SYS", SIGSYS),
  ]

  private static let aliases: [(name: String, number: Int32)] = [
    ("IOT", SIGABRT), ("CLD", SIGCHLD), ("POLL", 29),
  ]
}
