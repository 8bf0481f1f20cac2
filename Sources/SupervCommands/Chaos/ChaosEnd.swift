import SupervChaos
import SupervProtocol
import SupervSystem

extension ChaosRun {
  private static var endPatienceSeconds: Double { 5 }

  /// What can only be judged when everything is quiet, and the report.
  func finish() -> ChaosReport {
    judgeLogs()
    judgeRest()
    recovery.abandon()
    var report = ChaosReport(
      superv: supervVersion, configuration: snapshot.facts.configuration, plan: request.planPath,
      seed: request.seed, agents: tree.agents.count, seconds: now, faults: recovery.records,
      verdict: verdict, judge: events, calls: callJudge, lines: marks.total)
    report.wasInterrupted = wasInterrupted
    return report
  }

  /// Status and events are two answers, and between them something may happen: asked again until
  /// both say the same.
  private func judgeRest() {
    let deadline = Deadline(after: .seconds(Int64(Self.endPatienceSeconds)))
    var latest = verdict
    repeat {
      guard let client = try? DaemonClient(connectingTo: socket, by: deadline),
        let report = try? client.call(
          .events, EventsParams(since: (events.nextSequence ?? 1) - 1), by: deadline,
          as: EventsReport.self),
        let status = try? client.call(
          .status, StatusParams(), by: deadline, as: StatusReport.self),
        let facts = try? client.call(
          .chaosFacts, NoParams(), by: deadline, as: ChaosFacts.self)
      else {
        return verdict.violate(.recovery, "no daemon answers at the end")
      }
      for event in report.events { take(event) }
      latest = verdict
      events.end(status, &latest)
      latest.check(
        .nothingLeft, facts.faults.isEmpty, "in force: \(facts.faults.joined(separator: ", "))")
      for agent in status.agents {
        let state = agent.pid.flatMap { ProcessRecord.of($0)?.state }
        latest.check(.nothingLeft, state != "T", "\(agent.name) (pid \(agent.pid ?? 0)) is stopped")
      }
      if latest.violationCount == verdict.violationCount { break }
      pause(milliseconds: 250)
    } while !deadline.isOver
    verdict = latest
  }
}
