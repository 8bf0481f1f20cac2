import SupervProtocol

// Messages about calls, put together from bytes that are passed on as they came.

extension [UInt8] {
  mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { unsafe append(contentsOf: $0) }
  }

  mutating func append(_ span: Span<UInt8>) {
    unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }

  mutating func append(decimal number: Int64) {
    guard number > 9 else { return append(UInt8(ascii: "0") &+ UInt8(clamping: number)) }
    append(decimal: number / 10)
    append(UInt8(ascii: "0") &+ UInt8(number % 10))
  }

  /// `handle`, with an id and a deadline for a call and without them for a cast.
  ///
  /// - Parameter from: the caller's name, with quotes.
  mutating func appendHandle(
    _ call: (id: CallID, deadlineMilliseconds: Int64)?, from: [UInt8], _ params: CallParams,
    trace: TraceParent, in line: Span<UInt8>
  ) {
    if let call {
      append(#"{"jsonrpc":"2.0","id":""#)
      append(hexadecimal: call.id.rawValue)
      append(#"","method":"handle","params":{"from":"#)
    } else {
      append(#"{"jsonrpc":"2.0","method":"handle","params":{"from":"#)
    }
    append(contentsOf: from)
    append(#","method":"#)
    append(line.extracting(params.method))
    if let value = params.params {
      append(#","params":"#)
      append(line.extracting(value))
    }
    if let call {
      append(#","deadline_ms":"#)
      append(decimal: call.deadlineMilliseconds)
    }
    if let task = params.task {
      append(#","task":"#)
      append(line.extracting(task))
    }
    append(#","trace":""#)
    trace.append(to: &self)
    append("\"}}\n")
  }

  mutating func appendCancel(_ id: CallID) {
    append(#"{"jsonrpc":"2.0","method":"cancel","params":{"id":""#)
    append(hexadecimal: id.rawValue)
    append("\"}}\n")
  }

  /// The beginning of an answer, up to the caller's id.
  mutating func appendAnswerStart() { append(#"{"jsonrpc":"2.0","id":"#) }
}

func quoted(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  JSON.append(text, to: &bytes)
  return bytes
}
