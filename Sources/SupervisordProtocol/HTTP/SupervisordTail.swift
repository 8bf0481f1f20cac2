/// The answer that has no end: the last kilobyte of a log, and then all that is added to it, as
/// `supervisorctl tail -f` and `maintail -f` read it.
///
/// Each time the log may have grown, ask ``next(_:)`` until it says ``Step/wait``.
package struct SupervisordTail: Hashable, Sendable {
  /// What a look at the log's file found.
  package struct FileState: Hashable, Sendable {
    package var sizeBytes: Int
    /// Tells one file from the next at the same path, such as its inode.
    package var identity: UInt64

    package init(sizeBytes: Int, identity: UInt64) {
      self.sizeBytes = sizeBytes
      self.identity = identity
    }
  }

  package enum Step: Hashable, Sendable {
    /// Read this from the file and send it; what comes back short is asked for again.
    case read(from: Int, count: Int)
    /// Send this.
    case say(String)
    case wait
  }

  /// How far back it begins.
  package static let startBytes = 1024
  /// The most in one read.
  package static let maximumReadBytes = 64 << 10

  private var identity: UInt64
  package private(set) var position: Int

  package init(_ file: FileState) {
    identity = file.identity
    position = max(0, file.sizeBytes - Self.startBytes)
  }

  /// What is to be done now.
  ///
  /// A new file at the same path is read from its beginning; of one that has shrunk supervisord
  /// says so and starts over.
  ///
  /// - Parameter file: nil when it is gone, which a rotation mends soon.
  package mutating func next(_ file: FileState?) -> Step {
    guard let file else { return .wait }
    if file.identity != identity {
      identity = file.identity
      position = 0
    }
    if file.sizeBytes < position {
      position = 0
      return .say("==> File truncated <==\n")
    }
    guard file.sizeBytes > position else { return .wait }
    return .read(from: position, count: min(file.sizeBytes - position, Self.maximumReadBytes))
  }

  /// Counts what a read has brought.
  package mutating func advance(by count: Int) { position += count }
}

/// How the bytes of a tail go over the wire: in chunks (RFC 9112, section 7.1) where the client
/// keeps the connection, else as they are up to its end.
package struct SupervisordStream: Hashable, Sendable {
  private var isChunked: Bool
  private var minorVersion: Int

  package init(answering request: SupervisordRequest) {
    isChunked = request.minorVersion == 1 && request.keepsAlive
    minorVersion = request.minorVersion
  }

  /// - Parameters:
  ///   - now: Unix seconds.
  ///   - lastModified: when the log was last written to, Unix seconds.
  package func head(now: Int, lastModified: Int) -> [UInt8] {
    var head = SupervisordHead(.ok, minorVersion: minorVersion, now: now)
    head.add("Last-Modified", CivilTime(unixSeconds: lastModified).httpDate)
    head.add("Content-Type", "text/plain;charset=utf-8")
    head.add("X-Accel-Buffering", "no")  // nginx would hold the lines back
    head.add(
      isChunked ? "Transfer-Encoding" : "Connection", isChunked ? "chunked" : "close")
    return head.encoded
  }

  /// - Parameter bytes: none are sent as nothing, for an empty chunk would be the end.
  package func encoded(_ bytes: [UInt8]) -> [UInt8] {
    guard isChunked, !bytes.isEmpty else { return bytes }
    let size = String(bytes.count, radix: 16)
    return Array("\(size)\r\n".utf8) + bytes + Array("\r\n".utf8)
  }

  /// What ends the stream; the connection may be used on when it is not empty.
  package var end: [UInt8] { isChunked ? Array("0\r\n\r\n".utf8) : [] }
}
