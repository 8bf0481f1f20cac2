import SupervProtocol

// Messages about calls, put together from bytes that are passed on as they came.

/// `handle`: a call or a cast on its way to its callee.
struct HandleMessage {
  /// More than all that is not passed on takes: names of members, the id, a number, the trace.
  private static let ownBytes = 256

  /// Nil for a cast.
  var call: (id: CallID, deadlineMilliseconds: Int64)?
  /// The caller's name, with quotes.
  var from: [UInt8]
  var params: CallParams
  var trace: TraceParent

  /// - Returns: no less than it takes.
  var maximumBytes: Int {
    Self.ownBytes &+ from.count &+ params.method.count &+ (params.params?.count ?? 0)
      &+ (params.task?.count ?? 0)
  }

  /// - Parameter line: that the params came in.
  @inline(__always)
  func append(to output: inout OutputSpan<UInt8>, from line: Span<UInt8>) {
    if let call {
      output.append(#"{"jsonrpc":"2.0","id":""#)
      output.append(hexadecimal: call.id.rawValue)
      output.append(#"","method":"handle","params":{"from":"#)
    } else {
      output.append(#"{"jsonrpc":"2.0","method":"handle","params":{"from":"#)
    }
    output.append(from.span)
    output.append(#","method":"#)
    output.append(line.extracting(params.method))
    if let value = params.params {
      output.append(#","params":"#)
      output.append(line.extracting(value))
    }
    if let call {
      output.append(#","deadline_ms":"#)
      output.append(decimal: call.deadlineMilliseconds)
    }
    if let task = params.task {
      output.append(#","task":"#)
      output.append(line.extracting(task))
    }
    output.append(#","trace":""#)
    trace.append(to: &output)
    output.append("\"}}\n")
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

func quoted(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  JSON.append(text, to: &bytes)
  return bytes
}
