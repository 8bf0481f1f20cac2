import CSuperv
import Glibc

// What a daemon says to its keeper, over a socket of packets that are words.

/// From the daemon to its keeper.
package enum KeeperRequest: Hashable, Sendable {
  /// It is going to start the tree: should it die, another one goes on.
  case beginning
  /// It has found everything again, and serves.
  case serving
  /// The descriptor that comes along is to be given to every daemon after this one.
  case store(name: String)
  /// Children of the keeper whose ends are to be written down first.
  case spare(pids: [Int32])
  /// The end of one of these is.
  case reap(pid: Int32)
  /// Every daemon after this one is this program. One that does not come to serve is followed by
  /// the program before it.
  case execute(path: String)
  /// What the service manager above superv is to hear, as sd_notify(3) has it.
  case notify(String)
  /// The tree has ended, and another daemon begins it anew.
  case again
  /// The tree has ended; with this status the keeper ends as soon as the daemon has.
  case done(status: Int32)

  package var words: String {
    switch self {
    case .beginning: "beginning"
    case .serving: "serving"
    case .store(let name): "store \(name)"
    case .spare(let pids): "spare \(pids.map(String.init).joined(separator: " "))"
    case .reap(let pid): "reap \(pid)"
    case .execute(let path): "execute \(path)"
    case .notify(let assignments): "notify \(assignments)"
    case .again: "again"
    case .done(let status): "done \(status)"
    }
  }

  package init?(words: String) {
    let parts = words.split(separator: " ", maxSplits: 1).map(String.init)
    switch (parts.first, parts.dropFirst().first) {
    case ("beginning", nil): self = .beginning
    case ("serving", nil): self = .serving
    case ("again", nil): self = .again
    case ("store", let name?): self = .store(name: name)
    case ("spare", let list?):
      let words = list.split(separator: " ")
      let pids = words.compactMap { Int32($0) }
      guard pids.count == words.count else { return nil }
      self = .spare(pids: pids)
    case ("reap", let text?):
      guard let pid = Int32(text) else { return nil }
      self = .reap(pid: pid)
    case ("execute", let path?): self = .execute(path: path)
    case ("notify", let assignments?): self = .notify(assignments)
    case ("done", let text?):
      guard let status = Int32(text) else { return nil }
      self = .done(status: status)
    default: return nil
    }
  }
}

/// An open descriptor that goes from one daemon to the next: a socket that listens, or the pidfd of
/// an agent that has lost its keeper.
package struct InheritedDescriptor: Hashable, Sendable {
  package var name: String
  package var number: Int32

  package init(name: String, number: Int32) {
    self.name = name
    self.number = number
  }

  /// A pidfd of this process: when somebody else reaps it, the kernel says nowhere else how it has
  /// ended.
  package init(process: Int32, number: Int32) {
    self.init(name: "process:\(process)", number: number)
  }

  /// The process whose pidfd it is.
  package var process: Int32? {
    name.hasPrefix("process:") ? Int32(name.dropFirst("process:".count)) : nil
  }

  /// `NAME=NUMBER`, as in arguments.
  package init?(_ text: Substring) {
    let parts = text.split(separator: "=")
    guard parts.count == 2, let number = Int32(parts[1]), number > 2 else { return nil }
    self.init(name: String(parts[0]), number: number)
  }

  package var text: String { "\(name)=\(number)" }
}

/// One end of the socket between them. Nothing here waits.
package final class KeeperLink {
  /// What `receive` found.
  package enum Reception {
    case words(String)
    case nothing
    /// The other one is gone.
    case ended
  }

  private static let longestPacketBytes = 8192

  package let socket: Descriptor
  /// Came with the last words.
  private var passed: Descriptor?

  package init(_ socket: consuming Descriptor) throws(SystemError) {
    try socket.setNonblocking(true)
    self.socket = socket
  }

  /// - Returns: false when the other end does not take it now, or is gone.
  @discardableResult
  package func send(_ words: String, passing number: Int32? = nil) -> Bool {
    let packet = Array(words.utf8)
    let sent = try? socket.sendMessage(packet.span, passing: number.map { [$0] } ?? [])
    return (sent ?? nil) != nil
  }

  package func receive() -> Reception {
    var packet = [UInt8](repeating: 0, count: Self.longestPacketBytes)
    var span = packet.mutableSpan
    do {
      guard var message = try socket.receiveMessage(into: &span) else { return .nothing }
      guard message.byteCount > 0 else { return .ended }
      passed = message.takeDescriptor()
      return .words(String(decoding: packet[..<message.byteCount], as: UTF8.self))
    } catch {
      return .ended
    }
  }

  package func takeDescriptor() -> Descriptor? { passed.take() }
}

extension Processes {
  /// Puts another program in the place of this one: the pid stays, children and their ends too
  /// (execve(2)).
  ///
  /// - Parameters:
  ///   - path: the program.
  ///   - descriptors: those that stay open, beside 0, 1 and 2.
  /// - Returns: only when that failed.
  package static func execute(
    _ path: String, _ arguments: [String], keeping descriptors: [Int32]
  ) -> SystemError {
    for number in descriptors { _ = fcntl(number, F_SETFD, 0) }
    var memory = CMemory()
    let argv = unsafe memory.strings(arguments)
    let environment = unsafe memory.strings(
      Surroundings.environment.map { "\($0.key)=\($0.value)" })
    _ = unsafe csv_execute(path, argv, environment)
    let code = errno
    for number in descriptors { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
    return SystemError("execve", code: code, subject: path)
  }

  /// The parent of this process.
  package static var parentPid: Int32 { getppid() }
}
