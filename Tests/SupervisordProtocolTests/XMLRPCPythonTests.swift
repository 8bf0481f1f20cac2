import Foundation
import Glibc
import SupervisordProtocol
import Testing

/// Python's own `xmlrpc.client` as the judge of both directions.
@Suite struct XMLRPCPythonTests {
  /// Runs a script with a file for its input and one for its output; nil without Python.
  private func python(_ script: String, input: [UInt8]) throws -> [UInt8]? {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "superv-xmlrpc-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["script.py", "in", "out"].map { folder.appending(path: $0) }
    try Data(script.utf8).write(to: files[0])
    try Data(input).write(to: files[1])
    let status = unsafe system(
      "python3 '\(files[0].path)' < '\(files[1].path)' > '\(files[2].path)'")
    guard status == 0 else {
      print("NOT TESTED: what python3's xmlrpc.client makes of it (no python3, or it failed)")
      #expect(status >> 8 == 127, "python3 failed")
      return nil
    }
    return try Array(Data(contentsOf: files[2]))
  }

  private func randomValue(_ dice: inout Dice, depth: Int = 0) -> XMLRPCValue {
    switch dice.roll(depth > 3 ? 6 : 8) {
    case 0: return .int(dice.roll(1 << 30) - (1 << 29))
    case 1: return .boolean(dice.roll(2) == 1)
    case 2, 3: return .string(randomText(&dice))
    case 4: return .double(Double(dice.roll(1 << 20)) / 7)
    case 5: return .base64((0..<dice.roll(100)).map { _ in UInt8(dice.roll(256)) })
    case 6: return .array((0..<dice.roll(5)).map { _ in randomValue(&dice, depth: depth + 1) })
    default:
      let members = (0..<dice.roll(4)).map { index in
        XMLRPCMember("\(randomText(&dice))\(index)", randomValue(&dice, depth: depth + 1))
      }
      return .structure(members)
    }
  }

  private func randomText(_ dice: inout Dice) -> String {
    let pieces = ["a", " ", "<", "&amp;", ">", "\n", "\t", "ü", "😀", "]]>", "'", "\"", "\u{7F}"]
    return (0..<dice.roll(9)).map { _ in pieces[dice.roll(pieces.count)] }.joined()
  }

  /// Python reads our responses and sends back the values as calls, which say the same.
  @Test func pythonReadsWhatIsWrittenAndWritesWhatIsRead() throws {
    var dice = Dice(seed: 7)
    let values = (0..<300).map { _ in randomValue(&dice) }
    let mark = Array("\0".utf8)
    let input = values.flatMap { XMLRPCEncoding.response($0) + mark }
    let script = """
      import sys, xmlrpc.client as x
      for text in sys.stdin.buffer.read().split(b'\\0')[:-1]:
          values, _ = x.loads(text)
          assert x.dumps(values, methodresponse=True).encode() == text, text
          sys.stdout.buffer.write(x.dumps(values, 'a.b').encode() + b'\\0')
      """
    guard let output = try python(script, input: input) else { return }
    let calls = output.split(separator: 0)
    #expect(calls.count == values.count)
    for (call, value) in zip(calls, values) {
      #expect(try XMLRPCCall(decoding: Array(call)) == XMLRPCCall("a.b", [value]))
    }
  }

  @Test func pythonReadsFaultsAndOddCharacters() throws {
    let texts = [
      XMLRPCEncoding.fault(code: 20, text: "NO_FILE: <ü>"),
      XMLRPCEncoding.response(.string("\u{1B}[31mred\u{0}\u{FFFF}")),
    ]
    let script = """
      import sys, xmlrpc.client as x
      fault, odd = sys.stdin.buffer.read().split(b'\\0')[:-1]
      try: x.loads(fault)
      except x.Fault as e: print(e.faultCode, e.faultString.encode('ascii', 'backslashreplace'))
      print(x.loads(odd)[0][0].encode('ascii', 'backslashreplace'))
      """
    guard let output = try python(script, input: texts.flatMap { $0 + [0] }) else { return }
    #expect(
      String(decoding: output, as: UTF8.self) == #"""
        20 b'NO_FILE: <\\xfc>'
        b'\\ufffd[31mred\\ufffd\\ufffd'

        """#)
  }
}
