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

  @inline(__always)
  init() {}

  @inline(__always)
  subscript(member: Member) -> Range<Int>? { slices[member.rawValue].range }

  @inline(__always)
  func hasEscapes(_ member: Member) -> Bool { slices[member.rawValue].hasEscapes }

  @inline(__always)
  static func member(named name: inout some MemberName) -> Member? {
    if name.isSame(as: "to") { return .to }
    if name.isSame(as: "method") { return .method }
    if name.isSame(as: "params") { return .params }
    if name.isSame(as: "timeout_ms") { return .timeoutMilliseconds }
    if name.isSame(as: "task") { return .task }
    if name.isSame(as: "trace") { return .trace }
    return nil
  }

  @inline(__always)
  mutating func take(
    _ key: MemberKey<Member>, _ line: Span<UInt8>, _ index: inout Int
  ) throws(JSONFault) {
    let start = index
    let hasEscapes = try JSONGrammar.skipValue(line, &index, depth: Self.depth)
    if let member = key.member {
      if slices[member.rawValue].isThere { note(.twice(member)) }
      slices[member.rawValue] = Slice(from: start, to: index, hasEscapes: hasEscapes)
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
}
