/// supervisord's XML-RPC interface: a call in, an operation out, which in time has a result.
///
/// ```swift
/// var operation = SupervisordRPC.begin(try XMLRPCCall(decoding: body), in: &world)
/// // now, and again whenever anything in the world has changed:
/// if let result = operation.advance(&world) { send(.xml(SupervisordRPC.response(result))) }
/// ```
package enum SupervisordRPC {
  /// The release whose behaviour this is, which is what clients ask for.
  package static let supervisorVersion = "4.3.0"
  package static let apiVersion = "3.0"

  /// Checks a call and does what can be done at once.
  package static func begin(
    _ call: XMLRPCCall, in world: inout some SupervisordWorld
  ) -> SupervisordOperation {
    do throws(SupervisordFault) {
      return try begun(call, in: &world)
    } catch {
      return SupervisordOperation(.done(.failure(error)))
    }
  }

  /// The `methodResponse` of a result.
  package static func response(_ result: Result<XMLRPCValue, SupervisordFault>) -> [UInt8] {
    switch result {
    case .success(let value): XMLRPCEncoding.response(value)
    case .failure(let fault): XMLRPCEncoding.fault(code: fault.kind.rawValue, text: fault.text)
    }
  }

  private static func begun(
    _ call: XMLRPCCall, in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    guard let method = SupervisordMethod(rawValue: call.method) else {
      throw SupervisordFault(.unknownMethod)
    }
    guard method.takes(call.parameters.count) else { throw SupervisordFault(.incorrectParameters) }
    if !method.worksDuringShutdown { try checkMood(of: world) }
    return try begun(method, SupervisordArguments(call.parameters), in: &world)
  }

  /// While supervisord ends, it answers nearly nothing.
  static func checkMood(of world: borrowing some SupervisordWorld) throws(SupervisordFault) {
    guard world.mood.rawValue >= SupervisordMood.running.rawValue else {
      throw SupervisordFault(.shutdownState)
    }
  }

  private static func begun(
    _ method: SupervisordMethod, _ arguments: SupervisordArguments,
    in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    switch method {
    case .getAPIVersion, .getVersion: return .value(.string(apiVersion))
    case .getSupervisorVersion: return .value(.string(supervisorVersion))
    case .getIdentification: return .value(.string(world.identification))
    case .getState: return .value(state(of: world))
    case .getPID: return .value(.cappedInt(world.pid))
    case .getAllConfigInfo: return .value(configurations(in: world))
    case .getProcessInfo: return .value(try information(arguments.text(0), in: world))
    case .getAllProcessInfo: return .value(allInformation(in: world))
    case .shutdown:
      world.end(.shutdown)
      return .success
    case .restart:
      world.end(.restart)
      return .success
    case .reloadConfig: return SupervisordOperation(.rereading)
    case .addProcessGroup: return try addGroup(arguments[0].pythonText, in: &world)
    case .removeProcessGroup: return try removeGroup(arguments.name(0), in: &world)
    case .startProcess: return try start(arguments.text(0), waits: arguments.flag(1), in: &world)
    case .startProcessGroup:
      return try each(.start(waits: arguments.flag(1)), inGroup: arguments.name(0), of: world)
    case .startAllProcesses: return each(.start(waits: arguments.flag(0)), in: world)
    case .stopProcess: return try stop(arguments.text(0), waits: arguments.flag(1), in: &world)
    case .stopProcessGroup:
      return try each(.stop(waits: arguments.flag(1)), inGroup: arguments.name(0), of: world)
    case .stopAllProcesses: return each(.stop(waits: arguments.flag(0)), in: world)
    case .signalProcess: return try signal(arguments.text(0), arguments[1], in: &world)
    case .signalProcessGroup:
      return try each(.signal(arguments[1]), inGroup: arguments.name(0), of: world)
    case .signalAllProcesses: return each(.signal(arguments[0]), in: world)
    case .readLog, .readMainLog: return try readMainLog(arguments, in: world)
    case .readProcessLog, .readProcessStdoutLog: return try readLog(.stdout, arguments, in: world)
    case .readProcessStderrLog: return try readLog(.stderr, arguments, in: world)
    case .tailProcessLog, .tailProcessStdoutLog: return try tailLog(.stdout, arguments, in: world)
    case .tailProcessStderrLog: return try tailLog(.stderr, arguments, in: world)
    case .clearLog: return try clearMainLog(in: &world)
    case .clearProcessLog, .clearProcessLogs: return try clearLogs(arguments.text(0), in: &world)
    case .clearAllProcessLogs: return each(.clearLogs, in: world)
    case .sendProcessStdin: return try write(arguments[1], to: arguments.text(0), in: &world)
    case .sendRemoteCommEvent:
      world.emitRemoteCommunication(type: arguments[0].pythonText, data: arguments[1].pythonText)
      return .success
    case .listMethods:
      return .value(.array(SupervisordMethod.allCases.map(\.rawValue).sorted().map { .string($0) }))
    case .methodHelp: return .value(.string(try described(arguments[0]).help))
    case .methodSignature:
      return .value(.array(try described(arguments[0]).signature.map { .string($0) }))
    case .multicall:
      guard case .array(let calls) = arguments[0] else {
        throw SupervisordFault(.incorrectParameters)
      }
      return SupervisordOperation(.multicall(SupervisordMulticall(calls)))
    }
  }

  private static func described(
    _ name: XMLRPCValue
  ) throws(SupervisordFault) -> SupervisordMethod {
    guard case .string(let name) = name, let method = SupervisordMethod(rawValue: name) else {
      throw SupervisordFault(.signatureUnsupported)
    }
    return method
  }
}

/// The parameters of a call, taken for what a method makes of them.
struct SupervisordArguments {
  private let values: [XMLRPCValue]

  init(_ values: [XMLRPCValue]) { self.values = values }

  subscript(index: Int) -> XMLRPCValue { values[index] }

  func text(_ index: Int) throws(SupervisordFault) -> String {
    switch values[index] {
    case .string, .base64: return values[index].pythonText
    case .int, .boolean, .double, .dateTime, .array, .structure, .nil:
      throw SupervisordFault(.incorrectParameters)
    }
  }

  /// What a group is looked for by; supervisord looks for numbers too, and finds none.
  func name(_ index: Int) throws(SupervisordFault) -> String {
    switch values[index] {
    case .array, .structure: throw SupervisordFault(.incorrectParameters)
    case .string, .base64, .dateTime, .int, .boolean, .double, .nil: return values[index].pythonText
    }
  }

  /// Whether to wait: left out, it is true.
  func flag(_ index: Int) -> Bool {
    index < values.count ? values[index].isTruthy : true
  }

  func int(_ index: Int) throws(SupervisordFault) -> Int {
    guard let number = values[index].pythonInt else {
      throw SupervisordFault(.incorrectParameters)
    }
    return number
  }
}
