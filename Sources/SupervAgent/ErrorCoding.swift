import SupervProtocol

extension SupervError {
  init(
    _ kind: Kind, _ message: String, code: Int?, retryable: Bool?, retryAfter: Duration?
  ) {
    let known = ErrorKind(rawValue: kind.rawValue)
    self.kind = kind
    self.code = code ?? known?.code ?? RPCError.internalErrorCode
    self.message = message
    self.retryable = retryable ?? known?.isRetryable ?? false
    self.retryAfter = retryAfter
    data = nil
  }

  init(_ error: RPCError) {
    self.init(
      Kind(rawValue: error.kind.rawValue), error.message, code: error.code,
      retryable: error.isRetryable,
      retryAfter: error.retryAfterMilliseconds.map { .milliseconds($0) })
  }

  /// Anything else that a handler threw: the caller learns its type and what it says of itself.
  init(unexpected error: any Error) {
    self.init(code: RPCError.internalErrorCode, message: "\(type(of: error)): \(error)")
  }

  static func tooLarge(bytes: Int, maximum: Int) -> Self {
    Self(.tooLarge, "the message has \(bytes) bytes, and superv takes at most \(maximum)")
  }

  static let notSupervised = Self(
    .unavailable, "this process is not run by superv: SUPERV_SOCKET is not set")
  static let away = Self(.unavailable, "there is no connection to superv; it is tried again")
  static let lost = Self(.unavailable, "the connection to superv ended before the answer")
  static let cancelled = Self(.cancelled, "the caller was cancelled")
}

/// The error object of a message. Without `data.kind` it is the callee's own.
struct ErrorObject: Codable {
  var error: SupervError

  private enum CodingKeys: String, CodingKey {
    case code, message, data
  }

  private struct Details: Codable {
    var kind: String
    var retryable: Bool?
    @OrNull var retryAfterMilliseconds: Int?

    enum CodingKeys: String, CodingKey {
      case kind, retryable
      case retryAfterMilliseconds = "retry_after_ms"
    }
  }

  init(_ error: SupervError) { self.error = error }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let code = try container.decode(Int.self, forKey: .code)
    let message = try container.decode(String.self, forKey: .message)
    if let details = try? container.decode(Details.self, forKey: .data) {
      error = SupervError(
        SupervError.Kind(rawValue: details.kind), message, code: code,
        retryable: details.retryable,
        retryAfter: details.retryAfterMilliseconds.map { .milliseconds($0) })
    } else {
      let data = try container.decodeIfPresent(JSONValue.self, forKey: .data)
      error = SupervError(code: code, message: message, data: data)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(error.code, forKey: .code)
    try container.encode(error.message, forKey: .message)
    if error.kind == .remote {
      try container.encodeIfPresent(error.data, forKey: .data)
    } else {
      let details = Details(
        kind: error.kind.rawValue, retryable: error.retryable,
        retryAfterMilliseconds: error.retryAfter.map { Int($0.milliseconds) })
      try container.encode(details, forKey: .data)
    }
  }
}

extension Duration {
  /// Rounded up, so that what is left is never taken for nothing.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
