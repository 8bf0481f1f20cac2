/// Why a call failed, as supervisord's XML-RPC interface says it: a code and a text.
package struct SupervisordFault: Error, Hashable, Sendable {
  /// What supervisord calls its faults; the raw values are the codes.
  package enum Kind: Int, CaseIterable, Hashable, Sendable {
    case unknownMethod = 1
    case incorrectParameters = 2
    case badArguments = 3
    case signatureUnsupported = 4
    /// supervisord is shutting down or restarting.
    case shutdownState = 6
    /// There is no process or group of this name.
    case badName = 10
    case badSignal = 11
    case noFile = 20
    case notExecutable = 21
    case failed = 30
    /// The process ended before it was up.
    case abnormalTermination = 40
    /// The process could not be started, or ended too soon.
    case spawnError = 50
    case alreadyStarted = 60
    case notRunning = 70
    /// No fault: the status of each process that a call for many has been good for.
    case success = 80
    case alreadyAdded = 90
    case stillRunning = 91
    case cannotReread = 92

    /// The constant's name, with which every text begins.
    package var name: String {
      switch self {
      case .unknownMethod: "UNKNOWN_METHOD"
      case .incorrectParameters: "INCORRECT_PARAMETERS"
      case .badArguments: "BAD_ARGUMENTS"
      case .signatureUnsupported: "SIGNATURE_UNSUPPORTED"
      case .shutdownState: "SHUTDOWN_STATE"
      case .badName: "BAD_NAME"
      case .badSignal: "BAD_SIGNAL"
      case .noFile: "NO_FILE"
      case .notExecutable: "NOT_EXECUTABLE"
      case .failed: "FAILED"
      case .abnormalTermination: "ABNORMAL_TERMINATION"
      case .spawnError: "SPAWN_ERROR"
      case .alreadyStarted: "ALREADY_STARTED"
      case .notRunning: "NOT_RUNNING"
      case .success: "SUCCESS"
      case .alreadyAdded: "ALREADY_ADDED"
      case .stillRunning: "STILL_RUNNING"
      case .cannotReread: "CANT_REREAD"
      }
    }
  }

  package var kind: Kind
  /// `BAD_NAME: web`, or the name alone.
  package var text: String

  /// - Parameter extra: what the fault is about.
  package init(_ kind: Kind, _ extra: String? = nil) {
    self.kind = kind
    text = extra.map { "\(kind.name): \($0)" } ?? kind.name
  }

  /// As `system.multicall` reports it among its results.
  var structure: XMLRPCValue {
    .structure([
      XMLRPCMember("faultCode", .int(kind.rawValue)), XMLRPCMember("faultString", .string(text)),
    ])
  }
}
