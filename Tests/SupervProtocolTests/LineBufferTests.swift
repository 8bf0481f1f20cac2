import SupervProtocol
import Testing

@Suite struct LineBufferTests {
  /// Feeds the pieces one by one and collects what comes out; `nil` is an oversized line.
  private func lines(_ pieces: [String], limit: Int = 8) -> [String?] {
    var buffer = LineBuffer(maximumLineBytes: limit)
    var found: [String?] = []
    for piece in pieces {
      buffer.append(Array(piece.utf8).span)
      while let event = buffer.next() {
        switch event {
        case .line(let range):
          found.append(buffer.withBytes(of: range) { text(of: 0..<$0.count, in: $0) })
        case .oversized: found.append(nil)
        }
      }
      #expect(buffer.pendingByteCount <= limit)
    }
    return found
  }

  @Test("lines come out whole, however they are cut", arguments: 1...12)
  func pieces(length: Int) {
    let text = Array("one\ntwo\r\n\n\r\nsix\rsix\n1234567\n")
    let pieces = stride(from: 0, to: text.count, by: length).map {
      String(text[$0..<min($0 + length, text.count)])
    }
    // "\r\n" is one Character, so the cut between CR and LF has its own test.
    #expect(lines(pieces) == ["one", "two", "", "", "six\rsix", "1234567"])
  }

  @Test("CR and LF may come apart")
  func splitReturn() { #expect(lines(["ab\r", "\ncd", "\n"]) == ["ab", "cd"]) }

  @Test("a line at the limit passes; one byte more is reported once and skipped")
  func limit() {
    #expect(lines(["12345678\nab\n"]) == ["12345678", "ab"])
    #expect(lines(["123456789\nab\n"]) == [nil, "ab"])
    #expect(lines(["12345678", "9", "0", "more and more and more", "\nab\n"]) == [nil, "ab"])
    #expect(lines(["123456789", "\n", "123456789\n", "ok\n"]) == [nil, nil, "ok"])
  }

  @Test("an oversized line is reported before its end comes, and costs no memory")
  func oversizedIsDropped() {
    var buffer = LineBuffer(maximumLineBytes: 64 << 10)
    let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 48 << 10)
    var events: [LineBuffer.Event] = []
    for _ in 0..<100 {
      buffer.append(piece.span)
      while let event = buffer.next() { events.append(event) }
    }
    #expect(events == [.oversized])
    #expect(buffer.pendingByteCount == 0)
    #expect(buffer.capacityBytes < 512 << 10)
  }

  @Test("what is taken over joins what waits, and is not changed by it")
  func takenOver() {
    var buffer = LineBuffer(maximumLineBytes: 8)
    let pieces = ["one\ntw", "o\n", "six\n", "\nab"].map { Array($0.utf8) }
    var found: [String] = []
    for piece in pieces {
      buffer.append(piece)
      while case .line(let range)? = buffer.next() {
        found.append(buffer.withBytes(of: range) { text(of: 0..<$0.count, in: $0) })
      }
    }
    #expect(found == ["one", "two", "six", ""])
    #expect(buffer.pendingByteCount == 2)
    #expect(pieces[0] == Array("one\ntw".utf8))
  }

  @Test("the memory of a long line is given back")
  func shrinks() {
    var buffer = LineBuffer()
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20) + [UInt8(ascii: "\n")]
    buffer.append(line.span)
    #expect(buffer.next() == .line(0..<1 << 20))
    #expect(buffer.next() == nil)
    buffer.append([UInt8(ascii: "y")].span)
    #expect(buffer.capacityBytes < 1 << 10)
    #expect(buffer.next() == nil)
    buffer.append([UInt8(ascii: "\n")].span)
    #expect(buffer.next() == .line(0..<1))
  }

  @Test("a newline is found at every offset, also among bytes that differ by one bit")
  func search() {
    for length in 0..<40 {
      for position in 0..<max(length, 1) {
        var bytes = [UInt8](repeating: 0x0B, count: length)
        for index in bytes.indices where index % 3 == 0 { bytes[index] = 0x8A }
        if length > 0 { bytes[position] = 0x0A }
        var buffer = LineBuffer(maximumLineBytes: 100)
        buffer.append(bytes.span)
        #expect(buffer.next() == (length > 0 ? .line(0..<position) : nil))
      }
    }
  }
}

@Suite struct OutBufferTests {
  private func waiting(_ buffer: borrowing OutBuffer) -> String {
    buffer.withWaitingBytes { text(of: 0..<$0.count, in: $0) }
  }

  @Test("messages go in whole or not at all")
  func limit() {
    var buffer = OutBuffer(maximumBytes: 10)
    let first = buffer.append(Array("12345\n".utf8))
    let second = buffer.append(Array("12345\n".utf8).span)
    let third = buffer.append(Array("123\n".utf8).span)
    #expect(first && !second && third)
    #expect(waiting(buffer) == "12345\n123\n")
    #expect(buffer.waitingByteCount == 10)
  }

  private func add(to buffer: inout OutBuffer, maximumBytes: Int) -> Bool {
    buffer.append(maximumBytes: maximumBytes) { output in
      for byte in "12\n".utf8 { output.append(byte) }
    }
  }

  @Test("a message made in place goes in whole, or is not made")
  func inPlace() {
    var buffer = OutBuffer(maximumBytes: 10)
    let first = add(to: &buffer, maximumBytes: 10)
    let second = add(to: &buffer, maximumBytes: 8)
    let third = add(to: &buffer, maximumBytes: 7)
    #expect(first && !second && third)
    #expect(waiting(buffer) == "12\n12\n")
  }

  @Test("what is written makes room")
  func consume() {
    var buffer = OutBuffer(maximumBytes: 10)
    _ = buffer.append(Array("12345\n".utf8))
    buffer.consume(4)
    #expect(waiting(buffer) == "5\n")
    let isAdded = buffer.append(Array("1234567\n".utf8))
    #expect(isAdded)
    #expect(waiting(buffer) == "5\n1234567\n")
    buffer.consume(10)
    let isEmpty = buffer.isEmpty
    #expect(isEmpty)
  }

  @Test("the memory of a large message is given back")
  func shrinks() {
    var buffer = OutBuffer(maximumBytes: 4 << 20)
    _ = buffer.append([UInt8](repeating: 0, count: 1 << 20))
    buffer.consume(1 << 20)
    #expect(buffer.capacityBytes == 0)
  }
}
