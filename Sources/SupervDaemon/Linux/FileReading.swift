package import SupervSystem

// What daemon and `superv read` say to each other over a socket that keeps packets apart. One
// reading is one request, and its answer is one packet; behind `bytes` come the bytes themselves.

enum FileReading {
  /// The most that is read at once.
  static let mostBytes = 4 << 20
  /// Of one packet of a file's bytes.
  static let pieceBytes = 64 << 10
  /// A packet that says something has a path and less than a line beside it.
  static let mostSaidBytes = 8 << 10
  /// PATH_MAX, which counts the NUL at its end.
  static let longestPathBytes = 4095
}

/// `from OFFSET COUNT PATH` or `last 0 COUNT PATH`.
struct FileRequest: Hashable {
  let path: String
  /// With numbers that are possible.
  let part: FilePart

  init(_ path: String, _ part: FilePart) {
    self.path = path
    self.part =
      switch part {
      case .from(let offset, let count):
        .from(max(0, offset), count: min(max(0, count), FileReading.mostBytes))
      case .last(let count): .last(min(max(0, count), FileReading.mostBytes))
      }
  }

  var packet: [UInt8] {
    switch part {
    case .from(let offset, let count): Array("from \(offset) \(count) \(path)".utf8)
    case .last(let count): Array("last 0 \(count) \(path)".utf8)
    }
  }

  init?(packet: Span<UInt8>) {
    guard let words = words(of: packet, count: 4), let offset = Int(words[1]),
      let count = Int(words[2])
    else { return nil }
    switch words[0] {
    case "from": self.init(words[3], .from(offset, count: count))
    case "last": self.init(words[3], .last(count))
    default: return nil
    }
  }
}

/// `missing`, `failed WHY` or `bytes SIZE INODE COUNT`.
enum FileAnswer: Hashable {
  case missing
  case failed(String)
  /// So many follow.
  case bytes(count: Int, sizeBytes: Int, inode: UInt64)

  var packet: [UInt8] {
    switch self {
    case .missing: Array("missing".utf8)
    case .failed(let why): Array("failed \(why)".utf8)
    case .bytes(let count, let sizeBytes, let inode):
      Array("bytes \(sizeBytes) \(inode) \(count)".utf8)
    }
  }

  init?(packet: Span<UInt8>) {
    if let words = words(of: packet, count: 4), words[0] == "bytes",
      let sizeBytes = Int(words[1]), let inode = UInt64(words[2]), let count = Int(words[3]),
      (0...FileReading.mostBytes).contains(count)
    {
      self = .bytes(count: count, sizeBytes: sizeBytes, inode: inode)
    } else if let words = words(of: packet, count: 2), words[0] == "failed" {
      self = .failed(words[1])
    } else if let words = words(of: packet, count: 1), words[0] == "missing" {
      self = .missing
    } else {
      return nil
    }
  }
}

/// Exactly so many, the last of which may have spaces.
private func words(of packet: Span<UInt8>, count: Int) -> [String]? {
  let text = String(decoding: packet.indices.map { packet[$0] }, as: UTF8.self)
  let words = text.split(separator: " ", maxSplits: count - 1, omittingEmptySubsequences: false)
  return words.count == count ? words.map { String($0) } : nil
}

// MARK: - The role

/// The role `superv read`: reads what its daemon asks for, one after the other, and may wait for a
/// disk meanwhile. It ends with its daemon.
///
/// - Parameter socket: to the daemon, which keeps packets apart and waits.
/// - Returns: the exit status.
package func runFileReader(_ socket: consuming Descriptor) -> Int32 {
  hideMemory()
  var packet = [UInt8](repeating: 0, count: FileReading.mostSaidBytes)
  do {
    while true {
      var span = packet.mutableSpan
      guard let received = try socket.receivePacket(into: &span), received.byteCount > 0 else {
        return 0
      }
      guard !received.isTruncated,
        let request = FileRequest(packet: packet.span.extracting(..<received.byteCount))
      else { return 1 }
      try answer(request, on: socket)
    }
  } catch {
    // The daemon is gone, or somebody has started this by hand.
    return 1
  }
}

private func answer(
  _ request: FileRequest, on socket: borrowing Descriptor
) throws(SystemError) {
  let (answer, bytes) = read(request)
  _ = try socket.sendMessage(answer.packet.span)
  var start = 0
  while start < bytes.count {
    let end = min(bytes.count, start + FileReading.pieceBytes)
    _ = try socket.sendMessage(bytes.span.extracting(start..<end))
    start = end
  }
}

private func read(_ request: FileRequest) -> (FileAnswer, [UInt8]) {
  do {
    guard let there = try Files.status(of: request.path) else { return (.missing, []) }
    // To open a device may do something; a FIFO would wait for somebody who writes.
    guard there.kind == .regular else { return (.notAFile(request.path), []) }
    let file = try Files.open(request.path, [.readOnly, .nonblocking])
    let status = try file.status()
    guard status.kind == .regular else { return (.notAFile(request.path), []) }
    let size = Int(status.size)
    let range =
      switch request.part {
      case .from(let offset, let count): min(offset, size)..<min(size, min(offset, size) + count)
      case .last(let count): max(0, size - count)..<size
      }
    let bytes = try file.bytes(range)
    return (.bytes(count: bytes.count, sizeBytes: size, inode: status.inode), bytes)
  } catch let error where error.isMissing {
    return (.missing, [])
  } catch {
    return (.failed("\(error)"), [])
  }
}

extension FileAnswer {
  fileprivate static func notAFile(_ path: String) -> FileAnswer {
    .failed("\(path) is not a regular file")
  }
}

extension Descriptor {
  /// Fewer when the file is cut meanwhile.
  fileprivate func bytes(_ range: Range<Int>) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    var piece = [UInt8](repeating: 0, count: min(range.count, FileReading.pieceBytes))
    while bytes.count < range.count {
      var span = piece.mutableSpan
      let count = try read(into: &span, at: Int64(range.lowerBound + bytes.count))
      if count == 0 { break }
      bytes += piece[..<min(count, range.count - bytes.count)]
    }
    return bytes
  }
}
