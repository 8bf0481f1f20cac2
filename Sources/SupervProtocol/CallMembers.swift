/// The members that `call` and `cast` know, found in the `params` of any message while it is
/// scanned; what does not fit in them is the fault of a call alone.
struct CallMembers: MemberScan {
  enum Member: Int {
    case to, method, params, timeoutMilliseconds, task, trace
  }

  /// The first thing that keeps `params` from being those of a call.
  enum Fault {
    case escapedName
    case twice(Member)
  }

  static var depth: Int { 2 }

  private var slices = [6 of Slice](repeating: .none)
  private(set) var fault: Fault?

  subscript(member: Member) -> Range<Int>? { slices[member.rawValue].range }

  @inline(__always)
  mutating func take(
    _ key: JSONGrammar.Key, _ line: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
    let start = index
    try JSONGrammar.skipValue(line, &index, depth: Self.depth)
    if let member = Member(key.name) {
      if slices[member.rawValue].isThere { note(.twice(member)) }
      slices[member.rawValue] = Slice(from: start, to: index)
    } else if key.hasEscapes {
      // Whoever reads the same line and decodes its names must not find others.
      note(.escapedName)
    }
  }

  private mutating func note(_ fault: Fault) {
    if self.fault == nil { self.fault = fault }
  }
}

extension CallMembers.Member: CustomStringConvertible {
  var description: String {
    switch self {
    case .to: "to"
    case .method: "method"
    case .params: "params"
    case .timeoutMilliseconds: "timeout_ms"
    case .task: "task"
    case .trace: "trace"
    }
  }

  @inline(__always)
  init?(_ name: ShortText) {
    if name == ShortText("to") {
      self = .to
    } else if name == ShortText("method") {
      self = .method
    } else if name == ShortText("params") {
      self = .params
    } else if name == ShortText("timeout_ms") {
      self = .timeoutMilliseconds
    } else if name == ShortText("task") {
      self = .task
    } else if name == ShortText("trace") {
      self = .trace
    } else {
      return nil
    }
  }
}
