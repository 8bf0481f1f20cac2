import Foundation
import SupervLogger
import SupervSystem
import Testing

/// Lines through splitter and encoder, in whatever pieces they are read.
private final class Encoding: RecordSink {
  private(set) var output: [UInt8] = []
  private(set) var records: UInt64 = 0
  private let buffer = ReadBuffer()
  private let encoder = RecordEncoder()
  private let splitter: LineSplitter
  private let shape: RecordShape

  init(
    _ kind: LogStreamKind = .stdout, _ format: LogFormat = .text,
    limit: Int = LineLimits.recordBytes
  ) {
    let origin = LogOrigin(
      name: "crawler", agent: "crawler", incarnation: 3, processID: 4711)
    shape = RecordShape(kind, format: format, origin: origin)
    splitter = LineSplitter(limit: limit)
  }

  func write(_ records: UnsafeBufferPointer<UInt8>) -> UInt64 {
    unsafe output.append(contentsOf: records)
    return 0
  }

  func feed(_ bytes: some Collection<UInt8>) {
    guard !bytes.isEmpty else { return }
    for (index, byte) in bytes.enumerated() { unsafe buffer.fresh[index] = byte }
    encode(splitter.feed(buffer, count: bytes.count))
  }

  func finish() { encode(splitter.finish(buffer)) }

  private func encode(_ run: LineRun?) {
    guard let run else { return }
    encoder.begin(shape, time: FakeClock().realNanoseconds)
    encoder.append(run, sink: self)
    encoder.end(self)
    records += encoder.records
  }

  var text: String { String(decoding: output, as: UTF8.self) }

  /// The messages of the records, decoded by somebody else's JSON.
  func jsonMessages() throws -> [String] {
    try output.split(separator: 10).map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line))
      return try #require((object as? [String: Any])?["message"] as? String)
    }
  }
}

@Suite struct TextRecordTests {
  @Test func looksAsPromised() {
    let encoding = Encoding()
    encoding.feed(Array("one\n\ntwo\n".utf8))
    #expect(encoding.text == "\(stamp) out one\n\(stamp) out \n\(stamp) out two\n")
    #expect(encoding.records == 3)
  }

  @Test func everyByteValuePassesThrough() {
    let encoding = Encoding(.stderr)
    let bytes = (UInt8.min...UInt8.max).filter { $0 != 10 }
    encoding.feed(bytes + [10])
    #expect(encoding.output == Array("\(stamp) err ".utf8) + bytes + [10])
  }

  @Test func anUnfinishedLastLineIsALine() {
    let encoding = Encoding()
    encoding.feed(Array("one\ntw".utf8))
    encoding.feed(Array("o".utf8))
    encoding.finish()
    encoding.finish()
    #expect(encoding.text == "\(stamp) out one\n\(stamp) out two\n")
  }

  /// Every way to read 13 bytes in up to 13 pieces.
  @Test(arguments: [LogStreamKind.stdout, .raw])
  func whereverTheReadsEndTheLinesAreTheSame(kind: LogStreamKind) {
    let bytes = Array("ab\n\ncdé\nf\n gh".utf8)
    let whole = Encoding(kind)
    whole.feed(bytes)
    whole.finish()
    for cuts in 0..<(1 << (bytes.count - 1)) {
      let encoding = Encoding(kind)
      var start = 0
      for index in 1...bytes.count where index == bytes.count || cuts >> (index - 1) & 1 == 1 {
        encoding.feed(bytes[start..<index])
        start = index
      }
      encoding.finish()
      #expect(encoding.output == whole.output)
    }
  }

  @Test func theLongestLineIsOneRecordAndOneByteMoreIsTwo() {
    let longest = [UInt8](repeating: UInt8(ascii: "x"), count: LineLimits.recordBytes)
    let head = Array("\(stamp) out ".utf8)
    let partialHead = Array("\(stamp) out+ ".utf8)
    let fits = Encoding()
    fits.feed(longest)
    fits.feed([10])
    #expect(fits.output == head + longest + [10])
    for finished in [true, false] {
      let tooLong = Encoding()
      tooLong.feed(longest)
      tooLong.feed([UInt8(ascii: "y")] + (finished ? [10] : []))
      tooLong.finish()
      #expect(tooLong.output == partialHead + longest + [10] + head + Array("y\n".utf8))
    }
  }

  @Test(arguments: 1...9) func piecesDoNotCutCharacters(offset: Int) throws {
    let text = String(repeating: "x", count: offset) + String(repeating: "é€😀", count: 9)
    for chunk in [1, 7, 1000] {
      let encoding = Encoding(.stdout, .json, limit: 11)
      let bytes = Array(text.utf8) + [10]
      for start in stride(from: 0, to: bytes.count, by: chunk) {
        encoding.feed(bytes[start..<min(start + chunk, bytes.count)])
      }
      let messages = try encoding.jsonMessages()
      #expect(messages.joined() == text)
      #expect(messages.allSatisfy { $0.utf8.count <= 11 && !$0.contains("\u{FFFD}") })
      #expect(encoding.text.components(separatedBy: "\"partial\":true").count == messages.count)
    }
  }

  @Test func whatIsNoTextIsCutAtTheLimit() {
    let encoding = Encoding(.stdout, limit: 4)
    encoding.feed([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 10])
    let expected =
      Array("\(stamp) out+ ".utf8) + [0x80, 0x80, 0x80, 0x80, 10] + Array("\(stamp) out ".utf8)
      + [0x80, 0x80, 10]
    #expect(encoding.output == expected)
  }

  @Test func aFullBufferOfEmptyLinesIsWrittenInParts() {
    for format in LogFormat.allCases {
      let encoding = Encoding(.stdout, format)
      encoding.feed([UInt8](repeating: 10, count: 128 * 1024))
      #expect(encoding.records == 128 * 1024)
      #expect(encoding.output.count { $0 == 10 } == 128 * 1024)
    }
  }
}

@Suite struct JSONRecordTests {
  @Test func looksAsPromised() {
    let encoding = Encoding(.stderr, .json)
    encoding.feed(Array("a \"b\"\n".utf8))
    let expected =
      #"{"time":"\#(stamp)","agent":"crawler","instance":0,"incarnation":3,"pid":4711,"#
      + #""stream":"stderr","message":"a \"b\""}"# + "\n"
    #expect(encoding.text == expected)
  }

  /// Every byte, at every place of the eight that are looked at together.
  @Test func everyByteValueIsWrittenSoThatOthersCanReadIt() throws {
    for byte in UInt8.min...UInt8.max where byte != 10 {
      for before in 0...9 {
        let line = [UInt8](repeating: UInt8(ascii: "a"), count: before) + [byte, UInt8(ascii: "b")]
        let encoding = Encoding(.stdout, .json)
        encoding.feed(line + [10])
        #expect(try encoding.jsonMessages() == [String(decoding: line, as: UTF8.self)])
      }
    }
  }

  /// The standard library repairs by the same rule: one U+FFFD for each maximal subpart.
  @Test func illFormedUTF8IsRepairedAsTheStandardLibraryDoes() throws {
    let interesting: [UInt8] = [
      0x00, 0x22, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE1,
      0xED,
      0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
    ]
    let encoding = Encoding(.stdout, .json)
    var expected: [String] = []
    for first in interesting {
      for second in interesting {
        for third in interesting {
          for fourth: UInt8 in [0x80, 0x41, 0xE0] {
            let line = [first, second, third, fourth]
            encoding.feed(line + [10])
            expected.append(String(decoding: line, as: UTF8.self))
          }
        }
      }
    }
    #expect(try encoding.jsonMessages() == expected)
  }

  @Test func theNameOfAnAgentIsEscapedToo() throws {
    let shape = RecordShape(
      .stdout, format: .json, origin: LogOrigin(name: "a", agent: "a\"\\\n", instance: 2))
    guard case .json(let label) = shape else {
      Issue.record("no JSON")
      return
    }
    #expect(
      String(decoding: label, as: UTF8.self)
        == #""agent":"a\"\\\n","instance":2,"incarnation":0,"pid":0,"stream":"stdout""#)
  }
}
