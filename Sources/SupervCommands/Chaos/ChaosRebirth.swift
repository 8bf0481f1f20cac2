import SupervChaos
import SupervProtocol
import SupervSystem

/// The tree is started again after superv itself was ended, as a service manager would.
final class ChaosRebirth {
  private var old: [ProcessIdentity]
  private var start: SpawnedProcess?
  private var attempts = 0
  private static let mostAttempts = 3

  init(waitingFor old: [ProcessIdentity]) { self.old = old }

  /// - Returns: whether it is over; with what went wrong.
  func advance(_ session: Session, configuration: String) -> (isOver: Bool, fault: String?) {
    old.removeAll { identity in
      let record = ProcessRecord.of(identity.pid)
      return record?.startTime != identity.startTime || record?.state == "Z"
    }
    guard old.isEmpty else { return (false, nil) }
    if start == nil {
      attempts += 1
      do {
        // The report is what standard output is for.
        let null = try Files.open("/dev/null", [.writeOnly])
        var request = SpawnRequest(
          command: ["superv", "start", configuration],
          environment: session.environment.map { "\($0)=\($1)" })
        request.candidates = [session.executable]
        request.standardOutput = null.number
        start = try spawn(request)
      } catch {
        return (true, "superv cannot be started: \(error)")
      }
    }
    guard let status = take() else { return (false, nil) }
    start = nil
    if status == .exited(code: 0) { return (true, nil) }
    return attempts < Self.mostAttempts
      ? (false, nil) : (true, "superv start \(configuration): \(status)")
  }

  private func take() -> ExitStatus? {
    guard let process = start.take() else { return nil }
    let status = (try? Processes.reap(process.pidfd)) ?? nil
    if status == nil { start = consume process }
    return status
  }
}

extension ChaosRun {
  func advanceRebirth() {
    guard let rebirth else { return }
    let (isOver, fault) = rebirth.advance(session, configuration: snapshot.facts.configuration)
    guard isOver else { return }
    self.rebirth = nil
    statusDue = 0
    if let fault { verdict.violate(.recovery, fault) }
  }
}
