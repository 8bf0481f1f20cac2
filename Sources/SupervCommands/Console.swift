import SupervProtocol
package import SupervSystem

/// How text for people may look.
package struct Style: Hashable, Sendable {
  package var usesColor: Bool
  /// Columns of the terminal; nil where lines may be as long as they like.
  package var width: Int?

  package init(usesColor: Bool = false, width: Int? = nil) {
    self.usesColor = usesColor
    self.width = width
  }
}

/// The standard streams. Output is collected and written in large pieces; what has
/// become of it is asked once, at the end.
package final class Console {
  package typealias Writer = (Span<UInt8>) throws(SystemError) -> Void
  package typealias Reader = (_ maximumBytes: Int) throws(SystemError) -> [UInt8]

  /// For text on standard output.
  package var style: Style
  /// Why nothing more can be written; a reader that has gone away (`| head`) is no failure.
  package private(set) var failure: SystemError?
  /// Whether standard error is a terminal, where what goes on for long may say how far it is.
  package var showsProgress = false
  /// Nobody reads any more: whatever goes on for ever may stop.
  package private(set) var isClosed = false

  /// Standard input up to its end; `EFBIG` when there is more.
  package var readInput: Reader = { (limit) throws(SystemError) in
    // Closed as well: nothing comes after its end.
    try Descriptor(owning: 0).readAll(maximumBytes: limit)
  }

  private static let pieceBytes = 64 << 10
  private var waiting: [UInt8] = []
  private let output: Writer
  private let errors: Writer

  package init(style: Style, output: @escaping Writer, errors: @escaping Writer) {
    self.style = style
    self.output = output
    self.errors = errors
  }

  func write(_ text: String) {
    waiting.append(contentsOf: text.utf8)
    if waiting.count >= Self.pieceBytes { flush() }
  }

  /// The bytes and a newline.
  func writeLine(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe waiting.append(contentsOf: $0) }
    waiting.append(UInt8(ascii: "\n"))
    if waiting.count >= Self.pieceBytes { flush() }
  }

  func write(json value: some Encodable) {
    JSON.append(value, to: &waiting)
    waiting.append(UInt8(ascii: "\n"))
  }

  /// One message on standard error, after what is already written.
  func complain(_ message: String) { complain(unprefixed: "superv: \(message)") }

  func complain(unprefixed message: String) {
    flush()
    let text = Array("\(message)\n".utf8)
    // Nobody is left to tell when standard error is gone.
    try? errors(text.span)
  }

  /// One line on a terminal, in the place of the one before; empty: gone.
  func progress(_ text: String) {
    let shown = style.width.map { String(text.prefix(max(1, $0 - 1))) } ?? text
    let bytes = Array("\r\u{1B}[K\(shown)".utf8)
    try? errors(bytes.span)
  }

  package func flush() {
    defer { waiting.removeAll(keepingCapacity: true) }
    guard !isClosed, !waiting.isEmpty else { return }
    do {
      try output(waiting.span)
    } catch {
      isClosed = true
      guard !error.isPeerGone else { return }
      failure = error
      complain("standard output: \(error)")
    }
  }
}
