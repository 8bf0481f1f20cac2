import SupervSystem

/// Reads one log backwards, block by block, from file to older file.
final class LogTailReader {
  private let chain: LogChain
  private let source: Int
  private let bareStream: LogRecord.Stream?
  private var link: LogChain.Link?
  /// The bytes of the file from `offset` on; those from `end` on are handed on already.
  private var bytes: [UInt8] = []
  private var offset: Int64
  private var end = 0
  private var time: Int64 = .max

  private static let blockBytes = 32 * 1024
  private static let lineFeed = UInt8(ascii: "\n")

  /// Begins at `end` of the given file, behind a line feed.
  init(
    _ chain: LogChain, source: Int, bareStream: LogRecord.Stream?,
    newest link: consuming LogChain.Link, end: Int64
  ) throws(SystemError) {
    self.chain = chain
    self.source = source
    self.bareStream = bareStream
    if bareStream != nil { time = try link.descriptor.status().modifiedNanoseconds }
    self.link = consume link
    offset = end
  }

  /// Where the last whole line of a file ends.
  static func lastLineEnd(_ file: borrowing Descriptor) throws(SystemError) -> Int64 {
    var end = try file.status().size
    while end > 0 {
      let block = try read(file, before: end)
      if let last = block.lastIndex(of: lineFeed) {
        return end - Int64(block.count - last - 1)
      }
      end -= Int64(block.count)
    }
    return 0
  }

  /// The record before the last one; nil when there is none.
  func next() throws(SystemError) -> LogRecord? {
    while true {
      if let line = takeLine() {
        if let bareStream {
          return LogRecord(bare: line, of: bareStream, source: source, fileTime: time)
        }
        let record = LogRecordParser.parse(line, source: source, time: time)
        time = record.timeNanoseconds
        return record
      }
      if offset > 0 {
        guard try readBlock() else { return nil }
      } else {
        guard try moveOn() else { return nil }
      }
    }
  }

  private func takeLine() -> ArraySlice<UInt8>? {
    guard end > 0 else { return nil }
    // A whole line ends in a line feed; only an older file that was torn does not.
    let lineEnd = bytes[end - 1] == LogTailReader.lineFeed ? end - 1 : end
    let before = bytes[..<lineEnd].lastIndex(of: LogTailReader.lineFeed)
    guard before != nil || offset == 0 || end >= LogCursor.longestLineBytes else { return nil }
    let start = before.map { $0 + 1 } ?? 0
    end = start
    return bytes[start..<lineEnd]
  }

  private func readBlock() throws(SystemError) -> Bool {
    let block: [UInt8]
    switch link {
    case .none: return false
    case .some(let link): block = try LogTailReader.read(link.descriptor, before: offset)
    }
    // Nothing where bytes were: the file was truncated meanwhile.
    guard !block.isEmpty else { return false }
    bytes = block + bytes[..<end]
    end = bytes.count
    offset -= Int64(block.count)
    return true
  }

  private func moveOn() throws(SystemError) -> Bool {
    let step: LogChain.Step
    switch link {
    case .none: return false
    case .some(let link): step = try chain.older(than: link)
    }
    switch consume step {
    case .none:
      link = nil
      return false
    case .file(let older):
      let status = try older.descriptor.status()
      offset = status.size
      if bareStream != nil { time = status.modifiedNanoseconds }
      link = consume older
    }
    return true
  }

  /// The block that ends at `end`.
  private static func read(
    _ file: borrowing Descriptor, before end: Int64
  ) throws(SystemError) -> [UInt8] {
    let count = Int(min(end, Int64(blockBytes)))
    var block = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      var span = block.mutableSpan
      var room = span._mutatingExtracting(done...)
      let got = try file.read(into: &room, at: end - Int64(count - done))
      if got == 0 { return [] }
      done += got
    }
    return block
  }
}
