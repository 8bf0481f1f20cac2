import SupervisordProtocol
import Testing

@Suite struct EventOutputTests {
  private static let begin = "<!--XSUPERVISOR:BEGIN-->"
  private static let end = "<!--XSUPERVISOR:END-->"

  private enum Shown: Equatable, CustomStringConvertible {
    case bytes([UInt8])
    case messageBytes([UInt8])

    static func text(_ text: String) -> Self { .bytes(Array(text.utf8)) }
    static func message(_ text: String) -> Self { .messageBytes(Array(text.utf8)) }

    var description: String {
      switch self {
      case .bytes(let bytes): "text \(String(decoding: bytes, as: UTF8.self))"
      case .messageBytes(let bytes): "message \(String(decoding: bytes, as: UTF8.self))"
      }
    }
  }

  /// All pieces but those of messages under way, texts in a row made one.
  private func shown(_ pieces: [OutputPiece]) -> [Shown] {
    var all: [Shown] = []
    for piece in pieces {
      switch piece {
      case .captured: continue
      case .message(let bytes): all.append(.messageBytes(bytes))
      case .text(let bytes):
        if case .bytes(let before) = all.last {
          all[all.count - 1] = .bytes(before + bytes)
        } else {
          all.append(.bytes(bytes))
        }
      }
    }
    return all
  }

  private func scan(
    _ text: String, chunk: Int = .max, limit: Int = 100, strips: Bool = false
  ) -> [Shown] {
    var scanner = OutputScanner(captureMaximumBytes: limit, stripsEscapes: strips)
    var pieces: [OutputPiece] = []
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      pieces += scanner.scan(rest.prefix(chunk))
      rest = rest.dropFirst(chunk)
    }
    return shown(pieces + scanner.finish())
  }

  @Test func takesMessagesOutHoweverTheyAreCut() {
    let (begin, end) = (Self.begin, Self.end)
    let text = "a\n\(begin)one\(end)b\(begin)\(end)\(end)<!--X<!--XSUPER\(begin)two\(begin)\(end)"
    let expected: [Shown] = [
      .text("a\n"), .message("one"), .text("b"), .message(""), .text(end + "<!--X<!--XSUPER"),
      .message("two" + begin),
    ]
    for chunk in [1, 2, 3, 5, 7, 21, 22, 23, 24, 25, 60, .max] {
      #expect(scan(text, chunk: chunk) == expected, "chunks of \(chunk)")
    }
  }

  @Test func tellsOfWhatIsCaptured() {
    var scanner = OutputScanner(captureMaximumBytes: 2, stripsEscapes: false)
    #expect(
      scanner.scan("a\(Self.begin)one".utf8) == [
        .text(Array("a".utf8)), .captured(Array("one".utf8)),
      ])
    #expect(scanner.scan(Self.end.utf8) == [.message(Array("ne".utf8))])
  }

  @Test func holdsBackNoMoreThanMayBeAToken() {
    var scanner = OutputScanner(captureMaximumBytes: 9, stripsEscapes: false)
    #expect(scanner.scan("ok <!-".utf8) == [.text(Array("ok ".utf8))])
    #expect(scanner.scan("->".utf8) == [.text(Array("<!-->".utf8))])
    #expect(scanner.scan("<".utf8) == [])
    #expect(scanner.scan("".utf8) == [])
    #expect(scanner.finish() == [.text(Array("<".utf8))])
    #expect(scanner.finish() == [])
  }

  @Test(arguments: [1, 3, 1000]) func keepsTheEndOfLongMessages(_ chunk: Int) {
    let long = (0..<500).map { String($0 % 10) }.joined()
    #expect(
      scan(Self.begin + long + Self.end, chunk: chunk, limit: 7) == [.message("3456789")])
  }

  @Test func aMessageWithoutEndIsText() {
    #expect(scan("a\(Self.begin)one<!--XSUP", chunk: 4) == [.text("aone<!--XSUP")])
  }

  @Test func looksForNothingUnlessAsked() {
    let text = "a\(Self.begin)b\(Self.end)\u{1B}[1m"
    #expect(scan(text, limit: 0) == [.text(text)])
    #expect(scan(text, limit: -1) == [.text(text)])
  }

  @Test(arguments: [
    ("\u{1B}[31mred\u{1B}[0m", "red"), ("a\u{1B}b\u{1B}", "a\u{1B}b\u{1B}"),
    ("\u{1B}\u{1B}[2Jx", "\u{1B}x"), ("\u{1B}[", ""), ("[1m", "[1m"),
    // `G` ends nothing for supervisord: all goes up to the next letter that does.
    ("a\u{1B}[5Gwelcome", "acome"), ("\u{1B}[?25l\u{1B}[Hé", "é"), ("\u{1B}[1;\n2mz", "z"),
  ])
  func stripsEscapesHoweverTheyAreCut(_ text: String, visible: String) {
    for chunk in [1, 2, 3, .max] {
      let expected: [Shown] = visible.isEmpty ? [] : [.text(visible)]
      #expect(scan(text, chunk: chunk, limit: 0, strips: true) == expected)
    }
  }

  @Test func stripsMessagesToo() {
    let text = "\u{1B}[1ma\u{1B}[3\(Self.begin)\u{1B}[2mb\u{1B}\(Self.end)c"
    for chunk in [1, 10, .max] {
      #expect(
        scan(text, chunk: chunk, strips: true) == [.text("a"), .message("b\u{1B}"), .text("c")])
    }
  }

  @Test func saysTheSameHoweverItIsCut() {
    let words = [
      Self.begin, Self.end, "<!--XSUPERVISOR:", "<!--", "BEGIN-->", "END-->", "\u{1B}[1m", "\u{1B}",
      "[", "some words of output\n",
    ]
    for seed in 0..<1_000 {
      var numbers = SeededNumbers(UInt64(seed))
      let text = numbers.speech(of: words, count: 12)
      for strips in [false, true] {
        let fresh = OutputScanner(captureMaximumBytes: 50, stripsEscapes: strips)
        var (whole, parts) = (fresh, fresh)
        let expected = whole.scan(text) + whole.finish()
        let found = numbers.cut(text, largest: 30).flatMap { parts.scan($0) } + parts.finish()
        #expect(shown(found) == shown(expected), "seed \(seed)")
      }
    }
  }
}
