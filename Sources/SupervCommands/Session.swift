package import SupervDaemon
import SupervProtocol
import SupervSystem

/// What keeper and daemon are started with.
package struct DaemonArguments: Hashable, Sendable {
  /// What the daemon is told; the keeper passes it on.
  package var start: DaemonStart
  /// Where to write `{"ready":true}` or `{"error":"…"}` and a newline, once; nil in the foreground.
  package var readyDescriptor: Int32?

  package init(_ start: DaemonStart, readyDescriptor: Int32? = nil) {
    self.start = start
    self.readyDescriptor = readyDescriptor
  }
}

/// The parts of superv that are not the command line.
package struct Roles: Sendable {
  package var keeper: @Sendable (DaemonArguments) -> Int32
  package var daemon: @Sendable (DaemonArguments) -> Int32
  package var logger: @Sendable () -> Int32

  package init(
    keeper: @escaping @Sendable (DaemonArguments) -> Int32,
    daemon: @escaping @Sendable (DaemonArguments) -> Int32,
    logger: @escaping @Sendable () -> Int32
  ) {
    self.keeper = keeper
    self.daemon = daemon
    self.logger = logger
  }
}

/// One run of the command line: where it reads its settings and where it writes.
package struct Session {
  package var environment: [String: String]
  package var console: Console
  package var roles: Roles
  /// What `start` executes as the daemon: this very program, wherever its file has been moved to.
  package var executable = "/proc/self/exe"

  package init(environment: [String: String], console: Console, roles: Roles) {
    self.environment = environment
    self.console = console
    self.roles = roles
  }
}

/// Why a command ends without having done what it was asked.
struct CommandFailure: Error, Sendable {
  var status: CommandStatus
  /// What, where and what to do about it; the code and kind are for `--json`.
  var error: RPCError

  init(_ status: CommandStatus, _ error: RPCError) {
    self.status = status
    self.error = error
  }

  /// Something that should work does not.
  static func broken(_ message: String) -> Self { Self(.no, RPCError.internalError(message)) }
  static func no(_ message: String) -> Self { Self(.no, RPCError(.invalid, message)) }
  static func usage(_ message: String) -> Self { Self(.usage, RPCError(.invalid, message)) }
  static func unreachable(_ message: String) -> Self {
    Self(.unreachable, RPCError(.unavailable, message))
  }
  static func timedOut(_ message: String) -> Self { Self(.timedOut, RPCError(.timeout, message)) }
  static func system(_ error: SystemError) -> Self {
    Self(.no, RPCError.internalError(error.description))
  }
}

/// Runs one command line, without the program's name, and returns the exit status of the process.
package func runCommandLine(_ words: [String], in session: Session) -> Int32 {
  let status = outcome(of: words, in: session)
  session.console.flush()
  return session.console.failure == nil ? status : CommandStatus.no.rawValue
}

private func outcome(of words: [String], in session: Session) -> Int32 {
  var wantsJSON = words.contains("--json")
  do {
    switch try parse(words) {
    case .version: return runVersion(in: session, json: wantsJSON).rawValue
    case .help(let command):
      session.console.write(command.map { helpText(of: $0) } ?? overviewText())
      return CommandStatus.ok.rawValue
    case .run(let invocation):
      wantsJSON = invocation.has("json")
      if invocation.has("no-color") { session.console.style.usesColor = false }
      return try invocation.command.run(invocation, session).rawValue
    }
  } catch let error as UsageError {
    let help = error.command.map { "superv \($0) --help" } ?? "superv help"
    let failure = CommandFailure.usage("\(error.message) (see \(help))")
    return report(failure, on: session.console, json: wantsJSON)
  } catch let failure as CommandFailure {
    return report(failure, on: session.console, json: wantsJSON)
  } catch {
    return report(.broken("\(error)"), on: session.console, json: wantsJSON)
  }
}

private struct ErrorReport: Encodable {
  var error: RPCError
}

private func report(_ failure: CommandFailure, on console: Console, json: Bool) -> Int32 {
  if json { console.write(json: ErrorReport(error: failure.error)) }
  console.complain(failure.error.message)
  return failure.status.rawValue
}
