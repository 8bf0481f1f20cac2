import SupervDaemon
import SupervProtocol
import SupervSystem

@Sendable func runUpgrade(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let deadline = try invocation.deadline()
  let socket = try session.controlSocket(invocation)
  let binary = try session.binary(invocation.operands.first)
  try requireReader(of: Files.parent(of: socket), binary, session, deadline)
  let client = try DaemonClient(connectingTo: socket, by: deadline)
  let old = try client.call(.upgrade, UpgradeParams(binary: binary), by: deadline)
    .decode(UpgradeReport.self)
  while try client.receive(by: deadline) != nil {}
  // The keeper holds the socket: who connects now waits for the next daemon.
  let next = try DaemonClient(connectingTo: socket, by: deadline)
  let report = try next.call(.status, StatusParams(), by: deadline).decode(StatusReport.self)
  let running = try? Files.linkTarget("/proc/\(report.daemon.pid)/exe")
  guard report.daemon.pid != old.pid, running == binary else {
    throw .no(
      "\(binary) did not come to serve, and the daemon before it goes on; daemon.log beside "
        + "\(socket) says why")
  }
  if invocation.has("json") {
    session.console.write(json: report.daemon)
  } else {
    session.console.write(
      "Daemon \(report.daemon.pid) goes on with \(report.agents.count) agents, as \(binary).\n")
  }
  return .ok
}

/// Has the other program read what the daemon has written down.
private func requireReader(
  of directory: String, _ binary: String, _ session: Session, _ deadline: Deadline
) throws(CommandFailure) {
  var request = SpawnRequest(
    command: [binary, "check-journal", directory],
    environment: session.environment.map { "\($0.key)=\($0.value)" })
  request.directory = "/"
  do {
    let process = try spawn(request)
    guard try process.pidfd.wait(timeoutMilliseconds: deadline.remainingMilliseconds) else {
      _ = try? Processes.send(.kill, to: process.pidfd)
      _ = try process.pidfd.wait(timeoutMilliseconds: 1000)
      _ = try Processes.reap(process.pidfd)
      throw CommandFailure.timedOut("\(binary) does not say whether it could take over")
    }
    guard try Processes.reap(process.pidfd) == .exited(code: 0) else {
      throw CommandFailure.no("\(binary) could not take over; nothing has been changed")
    }
  } catch let failure as CommandFailure {
    throw failure
  } catch {
    throw .no("\(binary) cannot be started: \(error); nothing has been changed")
  }
}

/// The hidden role `superv check-journal`.
@Sendable func runJournalCheck(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  if let why = whyNotToTakeOver(in: invocation.operands[0]) { throw .no(why) }
  return .ok
}

extension Session {
  /// The program to go on with, by a path without links.
  fileprivate func binary(_ operand: String?) throws(CommandFailure) -> String {
    do {
      guard let operand else { return try Files.linkTarget("/proc/self/exe") }
      return try Files.realPath(try absolutePath(operand))
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw .no("\(error)")
    }
  }
}

extension ReceivedLine {
  fileprivate func decode<Report: Decodable>(_ type: Report.Type) throws(CommandFailure) -> Report {
    try decode(type, from: message.result)
  }
}
