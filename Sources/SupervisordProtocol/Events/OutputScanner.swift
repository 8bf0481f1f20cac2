/// A part of what a process wrote.
package enum OutputPiece: Hashable, Sendable {
  /// Goes to its log.
  case text([UInt8])
  /// Stands within a message, and not in the log; PROCESS_LOG events tell of it as of text.
  case captured([UInt8])
  /// A message is complete: a PROCESS_COMMUNICATION event.
  case message([UInt8])
}

/// Goes through what a process writes to one channel: takes out messages between
/// `<!--XSUPERVISOR:BEGIN-->` and `<!--XSUPERVISOR:END-->`, and control sequences if asked.
///
/// The pieces say the same however the stream is cut. At most the 23 bytes that may begin a token
/// are held back, and of a message its last `captureMaximumBytes`, in twice that memory.
package struct OutputScanner: Codable, Hashable, Sendable {
  private let captureMaximumBytes: Int
  private let stripsEscapes: Bool
  private var isCapturing = false
  /// How many bytes of the token looked for the last bytes were; they have yet to be handed on.
  private var begunCount = 0
  private var message: [UInt8] = []
  private var stripper = EscapeStripper()

  private static let begin = TokenSearch("<!--XSUPERVISOR:BEGIN-->")
  private static let end = TokenSearch("<!--XSUPERVISOR:END-->")

  /// - Parameters:
  ///   - captureMaximumBytes: `stdout_capture_maxbytes`; 0: no messages are looked for.
  ///   - stripsEscapes: `strip_ansi`.
  package init(captureMaximumBytes: Int, stripsEscapes: Bool) {
    // Twice as much is kept at times.
    self.captureMaximumBytes = min(max(0, captureMaximumBytes), Int.max / 4)
    self.stripsEscapes = stripsEscapes
  }

  /// Takes the next bytes; the pieces are in their order, no two texts in a row.
  package mutating func scan(_ bytes: Span<UInt8>) -> [OutputPiece] {
    var pieces: [OutputPiece] = []
    guard captureMaximumBytes > 0 else {
      hand(on: bytes, &pieces)
      return pieces
    }
    guard var start = cross(bytes, &pieces) else { return pieces }
    while let found = sought.firstIndex(in: bytes, from: start) {
      let count = sought.token.count
      hand(on: bytes.extracting(start..<found), &pieces)
      turn(&pieces)
      start = found + count
    }
    begunCount = sought.begunCount(atEndOf: bytes, from: start)
    hand(on: bytes.extracting(start..<(bytes.count - begunCount)), &pieces)
    return pieces
  }

  /// The stream is over. What was held back is handed on, and what there is of a message without
  /// an end becomes text, so that it is not lost (supervisord drops both).
  package mutating func finish() -> [OutputPiece] {
    var pieces: [OutputPiece] = []
    let held = Array(sought.token.prefix(begunCount))
    begunCount = 0
    hand(on: held.span, &pieces)
    endStripping(&pieces)
    if isCapturing {
      isCapturing = false
      pieces = []
      add(takeMessage(), &pieces)
    }
    return pieces
  }

  private var sought: TokenSearch { isCapturing ? Self.end : Self.begin }

  /// Decides about the bytes held back. Returns where to go on; nil when all are used up.
  private mutating func cross(_ bytes: Span<UInt8>, _ pieces: inout [OutputPiece]) -> Int? {
    guard begunCount > 0 else { return 0 }
    let search = sought
    let heldCount = begunCount
    // A token that began with what is held ends among these.
    var border = Array(search.token.prefix(heldCount))
    border.append(bytes.extracting(first: min(bytes.count, search.token.count - 1)))
    if let found = search.firstIndex(in: border.span, from: 0) {
      begunCount = 0
      hand(on: border.span.extracting(first: found), &pieces)
      turn(&pieces)
      return found + search.token.count - heldCount
    }
    guard bytes.count < search.token.count - 1 else {
      begunCount = 0
      hand(on: border.span.extracting(first: heldCount), &pieces)
      return 0
    }
    begunCount = search.begunCount(atEndOf: border.span, from: 0)
    hand(on: border.span.extracting(first: border.count - begunCount), &pieces)
    return nil
  }

  /// A token was found. A control sequence does not go on beyond it.
  private mutating func turn(_ pieces: inout [OutputPiece]) {
    endStripping(&pieces)
    if isCapturing { pieces.append(.message(takeMessage())) }
    isCapturing.toggle()
  }

  private mutating func endStripping(_ pieces: inout [OutputPiece]) {
    var rest: [UInt8] = []
    stripper.end(into: &rest)
    add(rest, &pieces)
  }

  private mutating func takeMessage() -> [UInt8] {
    defer { message = [] }
    return message.suffix(captureMaximumBytes)
  }

  private mutating func hand(on bytes: Span<UInt8>, _ pieces: inout [OutputPiece]) {
    guard !bytes.isEmpty else { return }
    var shown: [UInt8] = []
    if stripsEscapes { stripper.strip(bytes, into: &shown) } else { shown.append(bytes) }
    add(shown, &pieces)
  }

  private mutating func add(_ shown: [UInt8], _ pieces: inout [OutputPiece]) {
    guard !shown.isEmpty else { return }
    if isCapturing { keep(shown) }
    switch pieces.last {
    case .text(let before) where !isCapturing:
      pieces[pieces.count - 1] = .text(before + shown)
    case .captured(let before) where isCapturing:
      pieces[pieces.count - 1] = .captured(before + shown)
    case .text, .captured, .message, nil:
      pieces.append(isCapturing ? .captured(shown) : .text(shown))
    }
  }

  /// The oldest bytes go, but not each time one comes: that would be quadratic.
  private mutating func keep(_ bytes: [UInt8]) {
    message += bytes.suffix(captureMaximumBytes)
    if message.count > 2 * captureMaximumBytes {
      message.removeFirst(message.count - captureMaximumBytes)
    }
  }
}
