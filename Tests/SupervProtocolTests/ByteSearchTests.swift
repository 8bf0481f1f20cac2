import SupervProtocol
import Testing

/// Text is looked at in blocks of sixteen bytes: whatever there is to find may stand anywhere in
/// one, and anywhere before the end.
@Suite struct ByteSearchTests {
  private static let places = 0...40

  /// Where a string stops being one, after so many plain characters and before as many others.
  private func fault(_ before: Int, _ special: [UInt8], _ after: Int) -> JSONFault? {
    let plain = UInt8(ascii: "x")
    let quote = [UInt8(ascii: "\"")]
    let text =
      quote + Array(repeating: plain, count: before) + special
      + Array(repeating: plain, count: after) + quote
    do {
      try JSON.check(text.span)
      return nil
    } catch {
      return error
    }
  }

  @Test("what is special in a string is found wherever it stands")
  func specials() {
    for before in Self.places {
      for after in Self.places {
        #expect(fault(before, [], after) == nil)
        for whole in ["é", "€", "🦉", #"\n"#, #"\""#, "\u{7F}", "~", " "] {
          #expect(fault(before, Array(whole.utf8), after) == nil, "\(whole) \(before) \(after)")
        }
        for control in [0x00, 0x0A, 0x1F] as [UInt8] {
          let found = fault(before, [control], after)
          #expect(found?.offset == before + 1 && found?.explanation.contains("control") == true)
        }
        for wrong in [[0x80], [0xFF], [0xC3, 0x28]] as [[UInt8]] {
          let found = fault(before, wrong, after)
          #expect(found?.offset == before + 1 && found?.explanation == "not UTF-8")
        }
        // The string ends early, and something follows.
        #expect(fault(before, [UInt8(ascii: "\"")], after)?.offset == before + 2)
      }
    }
  }

  @Test("a string that does not end is told of, however long it is")
  func endless() {
    for count in 0...70 {
      let text = [UInt8(ascii: "\"")] + Array(repeating: UInt8(ascii: "x"), count: count)
      do {
        try JSON.check(text.span)
        Issue.record("\(count) characters without an end are no string")
      } catch {
        #expect(error.offset == count + 1)
      }
    }
  }

  @Test("a line ends at its LF, wherever that is")
  func newlines() {
    for first in 0...140 {
      for second in [0, 1, 15, 16, 17, 63, 64, 65] {
        var buffer = LineBuffer()
        let lines = [first, second].map { String(repeating: "x", count: $0) }
        buffer.append(Array((lines[0] + "\n" + lines[1] + "\n").utf8))
        #expect(buffer.next() == .line(0..<first))
        #expect(buffer.next() == .line(first + 1..<first + 1 + second))
        #expect(buffer.next() == nil)
      }
    }
  }

  @Test("a name is known by all of its bytes, and by no others")
  func names() {
    let known = ["id", "method", "params", "result", "error", "jsonrpc"]
    let members = ["to", "method", "params", "timeout_ms", "task", "trace"]
    let inside = members.map { #""\#($0)":null"# }.joined(separator: ",")
    for name in known + members {
      for other in [
        name + "x", "x" + name, String(name.dropLast()), name.uppercased(), name + "\"",
      ] {
        let escaped = other.replacing("\"", with: #"\""#)
        for space in ["", " "] {
          let line = Array(
            (#"{"id":7,"\#(escaped)"\#(space):1,"jsonrpc":"2.0","method":"call","#
              + #""params":{"\#(escaped)"\#(space):{"a":1},\#(inside)}}"#).utf8)
          let message = try? MessageScanner.scan(line.span)
          // A name with an escape sequence could mean any other.
          let isMessage = escaped == other
          #expect(
            message?.id.map { String(decoding: line[$0], as: UTF8.self) } == (isMessage ? "7" : nil)
          )
        }
      }
    }
  }
}
