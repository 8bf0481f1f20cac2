import Glibc

/// What a process was given when it was started: environment, directory, terminal.
package enum Surroundings {
  /// The environment (environ(7)); of a name that is there twice, the first counts (getenv(3)).
  package static var environment: [String: String] {
    var variables: [String: String] = [:]
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let words = unsafe String(cString: text).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if words.count == 2, variables[String(words[0])] == nil {
        variables[String(words[0])] = String(words[1])
      }
      unsafe entry += 1
    }
    return variables
  }

  /// The name of this machine (uname(2)); `localhost` when it has none.
  package static var hostName: String {
    var names = utsname()
    guard unsafe uname(&names) == 0 else { return "localhost" }
    let name = unsafe withUnsafeBytes(of: &names.nodename) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return name.isEmpty ? "localhost" : name
  }

  /// One variable of the environment as it is now; nil without it (getenv(3)).
  package static func variable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  /// Takes a variable out of the environment, for this process and those that it starts
  /// (unsetenv(3)). Only where there is one thread.
  package static func remove(variable name: String) { unsafe _ = unsetenv(name) }

  /// The current directory, absolute (getcwd(3)).
  package static func currentDirectory() throws(SystemError) -> String {
    guard let path = unsafe getcwd(nil, 0) else { throw failure("getcwd", errno) }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }

  /// Whether a descriptor of this process is a terminal (isatty(3)).
  package static func isTerminal(_ number: Int32) -> Bool { isatty(number) == 1 }

  /// The width of a terminal in columns; nil when it is none or does not know (tty_ioctl(4)).
  package static func terminalColumns(_ number: Int32) -> Int? {
    var size = winsize()
    guard unsafe ioctl(number, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// Opens `/dev/null` for each of standard input, output and error that the parent left closed:
  /// the next file opened would get its number, and what is meant for a terminal would go there.
  ///
  /// - Parameter null: What to open; where it cannot be, the end of a connection that is over does:
  ///   reading finds the end, writing fails with `EPIPE`.
  package static func openMissingStandardDescriptors(
    _ null: String = "/dev/null"
  ) throws(SystemError) {
    // A new descriptor has the lowest number that is free, which is this one.
    for number in Int32(0)...2 where fcntl(number, F_GETFD) == -1 {
      if unsafe open(null, O_RDWR) == number { continue }
      _ = try UnixSocket.pair(kind: .stream).split { end, _ in end.release() }
    }
  }

  /// Ends this process (exit(3)).
  package static func exit(_ status: Int32) -> Never { Glibc.exit(status) }
}

extension SystemError {
  /// Nobody listens on a socket.
  package var isRefused: Bool { code == ECONNREFUSED }
  /// A queue is full that will not stay so.
  package var isTemporary: Bool { code == EAGAIN }
  package var isDenied: Bool { code == EACCES || code == EPERM }
}
