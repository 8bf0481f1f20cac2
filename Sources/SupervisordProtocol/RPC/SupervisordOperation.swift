/// A call on its way to its result.
///
/// Many calls are done as soon as they have begun. Others wait for processes: those are asked again
/// after each change in the world, and whoever no longer wants the answer drops the operation,
/// which undoes nothing.
package struct SupervisordOperation: Sendable {
  indirect enum Step: Sendable {
    case done(Result<XMLRPCValue, SupervisordFault>)
    /// Until it runs, or does not; `name` is what the caller called it.
    case starting(SupervisordProcessID, name: String)
    case stopping(SupervisordProcessID)
    case each(SupervisordSweep)
    case reading(SupervisordLogQuestion)
    case rereading
    case multicall(SupervisordMulticall)
  }

  private var step: Step

  init(_ step: Step) { self.step = step }

  static func value(_ value: XMLRPCValue) -> Self { Self(.done(.success(value))) }
  static let success = value(.boolean(true))

  /// Its result, or nil when it has to wait on.
  package mutating func advance(
    _ world: inout some SupervisordWorld
  ) -> Result<XMLRPCValue, SupervisordFault>? {
    // What is taken out of the step may then be changed in place.
    let current = step
    step = .rereading
    let (next, result) = Self.advanced(current, &world)
    step = result.map { .done($0) } ?? next
    return result
  }

  private static func advanced(
    _ step: consuming Step, _ world: inout some SupervisordWorld
  ) -> (Step, Result<XMLRPCValue, SupervisordFault>?) {
    switch consume step {
    case .done(let result): return (.done(result), result)
    case .starting(let id, let name):
      return (.starting(id, name: name), started(world.process(id), name))
    case .stopping(let id):
      let isStopped = world.process(id)?.state.isStopped ?? true
      return (.stopping(id), isStopped ? .success(.boolean(true)) : nil)
    case .each(var sweep):
      let statuses = sweep.advance(&world)
      return (.each(sweep), statuses.map { .success(.array($0)) })
    case .reading(let question): return (.reading(question), question.answer(from: &world))
    case .rereading: return (.rereading, reread(in: &world))
    case .multicall(var multicall):
      let results = multicall.advance(&world)
      return (.multicall(multicall), results.map { .success(.array($0)) })
    }
  }

  private static func started(
    _ process: SupervisordProcess?, _ name: String
  ) -> Result<XMLRPCValue, SupervisordFault>? {
    guard let process else { return .failure(SupervisordFault(.abnormalTermination, name)) }
    guard process.spawnError.isEmpty else { return .failure(SupervisordFault(.spawnError, name)) }
    switch process.state {
    case .running: return .success(.boolean(true))
    case .starting: return nil
    case .stopped, .backoff, .stopping, .exited, .fatal, .unknown:
      return .failure(SupervisordFault(.abnormalTermination, name))
    }
  }

  /// The three lists stand in a list of their own, for a reason that supervisord has forgotten.
  private static func reread(
    in world: inout some SupervisordWorld
  ) -> Result<XMLRPCValue, SupervisordFault>? {
    world.reread()?
      .map { changes in
        let lists = [changes.added, changes.changed, changes.removed]
        return .array([.array(lists.map { .array($0.map { .string($0) }) })])
      }
      .mapError { SupervisordFault(.cannotReread, $0.explanation) }
  }
}

/// One thing done to each of many processes.
struct SupervisordSweep: Sendable {
  enum Action: Hashable, Sendable {
    case start(waits: Bool)
    case stop(waits: Bool)
    case signal(XMLRPCValue)
    case clearLogs
  }

  private let action: Action
  /// Those not yet looked at; all are at the first advance.
  private var candidates: [SupervisordProcessID]
  private var pending: [(id: SupervisordProcessID, operation: SupervisordOperation)] = []
  private var statuses: [XMLRPCValue] = []

  init(_ action: Action, _ candidates: [SupervisordProcessID]) {
    self.action = action
    self.candidates = candidates
  }

  /// The status of each process that the action was for, in the order in which they were done with.
  mutating func advance(_ world: inout some SupervisordWorld) -> [XMLRPCValue]? {
    for id in candidates where concerns(world.process(id)) {
      var operation = SupervisordRPC.begin(action, id, in: &world)
      if operation.isDone, let result = operation.advance(&world) {
        statuses.append(Self.status(of: id, result))
      } else {
        pending.append((id, operation))
      }
    }
    candidates = []
    for index in pending.indices {
      guard let result = pending[index].operation.advance(&world) else { continue }
      statuses.append(Self.status(of: pending[index].id, result))
    }
    pending.removeAll { $0.operation.isDone }
    return pending.isEmpty ? statuses : nil
  }

  private func concerns(_ process: SupervisordProcess?) -> Bool {
    guard let state = process?.state else { return false }
    switch action {
    case .start: return !state.isRunning
    case .stop: return state.isRunning
    case .signal: return state.isSignallable
    case .clearLogs: return true
    }
  }

  private static func status(
    of id: SupervisordProcessID, _ result: Result<XMLRPCValue, SupervisordFault>
  ) -> XMLRPCValue {
    let (code, text) =
      switch result {
      case .success: (SupervisordFault.Kind.success, "OK")
      case .failure(let fault): (fault.kind, fault.text)
      }
    return .structure([
      XMLRPCMember("name", .string(id.name)), XMLRPCMember("group", .string(id.group)),
      XMLRPCMember("status", .int(code.rawValue)), XMLRPCMember("description", .string(text)),
    ])
  }
}

extension SupervisordOperation {
  /// Whether it has a result.
  package var isDone: Bool {
    if case .done = step { true } else { false }
  }
}

/// `system.multicall`: one call after the other, each begun when the last is done.
struct SupervisordMulticall: Sendable {
  private var remaining: ArraySlice<XMLRPCValue>
  private var current: SupervisordOperation?
  private var results: [XMLRPCValue] = []

  init(_ calls: [XMLRPCValue]) { remaining = calls[...] }

  /// Of each call its value, bare, or its fault as a structure.
  mutating func advance(_ world: inout some SupervisordWorld) -> [XMLRPCValue]? {
    while true {
      if var operation = current {
        let result = operation.advance(&world)
        current = operation
        guard let result else { return nil }
        current = nil
        switch result {
        case .success(let value): results.append(value)
        case .failure(let fault): results.append(fault.structure)
        }
      }
      guard let call = remaining.popFirst() else { return results }
      current = Self.begun(call, in: &world)
    }
  }

  private static func begun(
    _ call: XMLRPCValue, in world: inout some SupervisordWorld
  ) -> SupervisordOperation {
    do throws(SupervisordFault) {
      return SupervisordRPC.begin(try read(call), in: &world)
    } catch {
      return SupervisordOperation(.done(.failure(error)))
    }
  }

  private static func read(_ call: XMLRPCValue) throws(SupervisordFault) -> XMLRPCCall {
    guard let name = call["methodName"], name != .nil else {
      throw SupervisordFault(.incorrectParameters, "No methodName")
    }
    guard name != .string("system.multicall") else {
      throw SupervisordFault(.incorrectParameters, "Recursive system.multicall forbidden")
    }
    guard case .string(let method) = name,
      case .array(let parameters) = call["params"] ?? .array([])
    else { throw SupervisordFault(.incorrectParameters) }
    return XMLRPCCall(method, parameters)
  }
}
