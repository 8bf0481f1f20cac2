import SupervProtocol

// Messages about calls, put together from bytes that are passed on as they came.

/// `handle`: a call or a cast on its way to its callee.
struct HandleMessage {
  /// More than all that is not passed on takes: names of members, the id, a number, the trace.
  private static let ownBytes = 256

  /// Nil for a cast.
  var call: (id: CallID, deadlineMilliseconds: Int64)?
  var params: CallParams
  var trace: TraceParent

  /// No less than it takes.
  func maximumBytes(by asker: Asker) -> Int {
    Self.ownBytes &+ asker.handleHead.count &+ params.method.count &+ (params.params?.count ?? 0)
      &+ (params.task?.count ?? 0)
  }

  /// - Parameter line: that the params came in.
  @inline(__always)
  func append(to output: inout OutputSpan<UInt8>, by asker: Asker, from line: Span<UInt8>) {
    if let call {
      output.append(#"{"jsonrpc":"2.0","id":""#)
      output.append(hexadecimal: call.id.rawValue)
    } else {
      output.append(#"{"jsonrpc":"2.0"#)
    }
    asker.handleHead.append(asker.handleHead.indices, to: &output)
    output.append(params.method, of: line)
    if let value = params.params {
      output.append(#","params":"#)
      output.append(value, of: line)
    }
    if let call {
      output.append(#","deadline_ms":"#)
      output.append(decimal: call.deadlineMilliseconds)
    }
    if let task = params.task {
      output.append(#","task":"#)
      output.append(task, of: line)
    }
    output.append(#","trace":""#)
    trace.append(to: &output)
    output.append("\"}}\n")
  }

  /// What is the same in all calls and casts of one caller: all between the id and the method, from
  /// the quote on that ends what comes before it.
  ///
  /// - Parameter caller: its name, or what an operator's calls come from.
  static func head(from caller: String) -> [UInt8] {
    var bytes = Array(#"","method":"handle","params":{"from":"#.utf8)
    JSON.append(caller, to: &bytes)
    return bytes + Array(#","method":"#.utf8)
  }
}

extension OutputSpan<UInt8> {
  static var cancelBytes: Int { 96 }

  mutating func appendCancel(_ id: CallID) {
    append(#"{"jsonrpc":"2.0","method":"cancel","params":{"id":""#)
    append(hexadecimal: id.rawValue)
    append("\"}}\n")
  }
}
