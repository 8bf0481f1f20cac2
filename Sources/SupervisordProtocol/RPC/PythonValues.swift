// Where a fault repeats what the caller sent, supervisord writes it as Python does.

extension XMLRPCValue {
  /// As `str()` of the value that Python makes of it.
  var pythonText: String {
    switch self {
    case .string(let text), .dateTime(let text): text
    case .base64(let bytes): String(decoding: bytes, as: UTF8.self)
    case .int, .boolean, .double, .array, .structure, .nil: pythonRepresentation
    }
  }

  /// As `repr()`; as deep as a decoded value can be.
  private var pythonRepresentation: String {
    switch self {
    case .int(let number): String(number)
    case .boolean(let flag): flag ? "True" : "False"
    case .double(let number): String(describing: number)
    case .string, .dateTime, .base64: PythonText.literal(pythonText)
    case .nil: "None"
    case .array(let values):
      "[\(values.map(\.pythonRepresentation).joined(separator: ", "))]"
    case .structure(let members):
      "{\(members.map(Self.representation).joined(separator: ", "))}"
    }
  }

  private static func representation(_ member: XMLRPCMember) -> String {
    "\(PythonText.literal(member.name)): \(member.value.pythonRepresentation)"
  }

  /// Whether Python takes it for true.
  var isTruthy: Bool {
    switch self {
    case .int(let number): number != 0
    case .boolean(let flag): flag
    case .double(let number): number != 0
    case .string(let text): !text.isEmpty
    case .dateTime: true
    case .base64(let bytes): !bytes.isEmpty
    case .array(let values): !values.isEmpty
    case .structure(let members): !members.isEmpty
    case .nil: false
    }
  }

  /// What `int()` makes of it; nil for what is no number.
  var pythonInt: Int? {
    switch self {
    case .int(let number): number
    case .boolean(let flag): flag ? 1 : 0
    case .double(let number): Int(exactly: number.rounded(.towardZero))
    case .string, .base64: Int(pythonText.trimmed)
    case .dateTime, .array, .structure, .nil: nil
    }
  }
}
