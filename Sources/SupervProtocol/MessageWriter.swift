/// Writes JSON-RPC 2.0 messages, each one line with its LF.
package enum MessageWriter {
  package static func appendRequest(
    id: Int64, method: String, params: some Encodable, to bytes: inout [UInt8]
  ) {
    appendRequest(id: id, method: method, encodedParams: JSON.encode(params).span, to: &bytes)
  }

  /// - Parameter encodedParams: One JSON object or array on one line.
  package static func appendRequest(
    id: Int64, method: String, encodedParams: Span<UInt8>, to bytes: inout [UInt8]
  ) {
    bytes.append(contentsOf: #"{"jsonrpc":"2.0","id":"#.utf8)
    bytes.append(contentsOf: id.description.utf8)
    appendCall(of: method, encodedParams, to: &bytes)
  }

  package static func appendNotification(
    method: String, params: some Encodable, to bytes: inout [UInt8]
  ) {
    bytes.append(contentsOf: #"{"jsonrpc":"2.0""#.utf8)
    appendCall(of: method, JSON.encode(params).span, to: &bytes)
  }

  /// - Parameter id: The id of the request, byte for byte as it came.
  package static func appendResult(
    id: Span<UInt8>, result: some Encodable, to bytes: inout [UInt8]
  ) {
    appendAnswer(id, "result", to: &bytes)
    JSON.append(result, to: &bytes)
    appendEnd(to: &bytes)
  }

  /// - Parameter encodedResult: One JSON value on one line.
  package static func appendResult(
    id: Span<UInt8>, encodedResult: Span<UInt8>, to bytes: inout [UInt8]
  ) {
    appendAnswer(id, "result", to: &bytes)
    append(encodedResult, to: &bytes)
    appendEnd(to: &bytes)
  }

  /// - Parameter id: The id of the request, or nil when it could not be read.
  package static func appendError(_ error: RPCError, id: Span<UInt8>?, to bytes: inout [UInt8]) {
    if let id {
      appendAnswer(id, "error", to: &bytes)
    } else {
      bytes.append(contentsOf: #"{"jsonrpc":"2.0","id":null,"error":"#.utf8)
    }
    append(error, to: &bytes)
    appendEnd(to: &bytes)
  }

  /// As its own coder would write it, and much faster: where calls are refused there are many.
  private static func append(_ error: RPCError, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: #"{"code":"#.utf8)
    bytes.append(contentsOf: error.code.description.utf8)
    bytes.append(contentsOf: #","data":{"kind":""#.utf8)
    bytes.append(contentsOf: error.kind.rawValue.utf8)
    bytes.append(contentsOf: #"","retry_after_ms":"#.utf8)
    bytes.append(contentsOf: (error.retryAfterMilliseconds?.description ?? "null").utf8)
    bytes.append(contentsOf: #","retryable":"#.utf8)
    bytes.append(contentsOf: (error.isRetryable ? "true" : "false").utf8)
    bytes.append(contentsOf: #"},"message":"#.utf8)
    JSON.append(error.message, to: &bytes)
    bytes.append(UInt8(ascii: "}"))
  }

  private static func appendCall(
    of method: String, _ encodedParams: Span<UInt8>, to bytes: inout [UInt8]
  ) {
    bytes.append(contentsOf: #","method":"#.utf8)
    JSON.append(method, to: &bytes)
    bytes.append(contentsOf: #","params":"#.utf8)
    append(encodedParams, to: &bytes)
    appendEnd(to: &bytes)
  }

  private static func appendAnswer(
    _ id: Span<UInt8>, _ member: String, to bytes: inout [UInt8]
  ) {
    bytes.append(contentsOf: #"{"jsonrpc":"2.0","id":"#.utf8)
    append(id, to: &bytes)
    bytes.append(contentsOf: #",""#.utf8)
    bytes.append(contentsOf: member.utf8)
    bytes.append(contentsOf: #"":"#.utf8)
  }

  private static func appendEnd(to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "}"))
    bytes.append(UInt8(ascii: "\n"))
  }

  private static func append(_ span: Span<UInt8>, to bytes: inout [UInt8]) {
    unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
  }
}
