import SupervDaemon
import SupervProtocol
import SupervisionTree

/// Bugs that superv does not have, put between it and its machine or into what it is told, to see
/// that they are found.
enum PlantedBug: String, CaseIterable, Sendable {
  /// One restart more than there may be.
  case windowOffByOne
  /// Some ends are never taken in.
  case forgottenReap
  /// What does not obey is not killed.
  case stopNotEscalated
  /// The daemon takes timeouts for longer than they are.
  case lateAnswer
  /// `rest_for_one` begins with the last one.
  case orderSwapped
  /// A pid is taken for the process that had it once.
  case recycledPid
  /// Budgets begin anew with every daemon.
  case counterReset
  /// The journal lacks lines, and the daemon is told that it has them.
  case silentDisk

  func machine(_ seed: UInt64, _ auditor: Auditor) -> Machine {
    switch self {
    case .windowOffByOne, .orderSwapped: Machine(seed: seed, auditor)
    case .forgottenReap: ForgetfulMachine(seed: seed, auditor)
    case .stopNotEscalated: GentleMachine(seed: seed, auditor)
    case .lateAnswer: PatientMachine(seed: seed, auditor)
    case .recycledPid: TrustingMachine(seed: seed, auditor)
    case .counterReset: ForgivingMachine(seed: seed, auditor)
    case .silentDisk: SilentMachine(seed: seed, auditor)
    }
  }

  /// What the daemon reads in the place of its plan; nil: what it should.
  func read(_ loaded: LoadedPlan) -> ReadConfiguration? {
    var plan = loaded.plan
    switch self {
    case .windowOffByOne:
      plan.intensity += 1
      for index in plan.supervisors.indices { plan.supervisors[index].intensity += 1 }
    case .orderSwapped: plan.isOrderSwapped = true
    case .forgottenReap, .stopNotEscalated, .lateAnswer, .recycledPid, .counterReset, .silentDisk:
      return nil
    }
    return LoadedPlan(plan)?.read
  }
}

private final class ForgetfulMachine: Machine {
  private var count = 0

  override func takeArrivals() -> [KernelEvent] {
    super.takeArrivals().filter { event in
      guard case .ended = event else { return true }
      count += 1
      return count % 5 != 0
    }
  }
}

private final class GentleMachine: Machine {
  override func kill(_ key: ProcessKey) {}
}

private final class PatientMachine: Machine {
  override func takeArrivals() -> [KernelEvent] {
    super.takeArrivals().map { event in
      guard case .received(let id, let bytes) = event else { return event }
      let text = String(decoding: bytes, as: UTF8.self)
        .replacing(/"timeout_ms":(\d+)/) { #""timeout_ms":\#($0.output.1)0"# }
      return .received(id, Array(text.utf8))
    }
  }
}

private final class TrustingMachine: Machine {
  override func adopt(_ facts: ProcessFacts, as launch: Launch?) -> Bool {
    adopt(facts, as: launch, trustingPid: true)
  }
}

private final class ForgivingMachine: Machine {
  override func replaceJournal(_ lines: [UInt8]) -> Bool {
    let text = String(decoding: lines, as: UTF8.self)
      .replacing(/"window":{"times":\[[^\]]*\]}/, with: #""window":{"times":[]}"#)
    return super.replaceJournal(Array(text.utf8))
  }
}

private final class SilentMachine: Machine {
  override func appendToJournal(_ lines: [UInt8]) -> Bool {
    _ = super.appendToJournal(lines)
    return true
  }
}
