import SupervProtocol
import SupervSystem

/// The daemon's end of a pipe to the logger, for lines of its own: what the pipe does not take now
/// waits in a bounded queue, and what does not fit there is lost, counted and said.
final class RecordPipe {
  private let pipe: LogPipe
  private let token: UInt64
  private var queue: OutBuffer
  /// The line that says how many records and bytes are lost.
  private let mark: (_ records: Int, _ bytes: Int) -> [UInt8]
  private var lostCount = 0
  private var lostBytes = 0
  private var isWatched = false
  private var isEnding = false
  private(set) var isClosed = false

  init(
    _ pipe: LogPipe, token: UInt64, maximumQueuedBytes: Int,
    mark: @escaping (_ records: Int, _ bytes: Int) -> [UInt8]
  ) {
    self.pipe = pipe
    self.token = token
    self.mark = mark
    queue = OutBuffer(maximumBytes: maximumQueuedBytes)
  }

  var queuedByteCount: Int { queue.waitingByteCount }

  /// One line without its newline.
  ///
  /// - Parameter hasRoom: whether others leave room for what waits here.
  func write(_ line: [UInt8], _ poll: borrowing EventPoll, hasRoom: Bool = true) {
    tellLoss()
    if lostCount > 0 || !hasRoom || !queue.append(line + [UInt8(ascii: "\n")]) {
      lostCount += 1
      lostBytes += line.count + 1
    }
    flush(poll)
  }

  private func tellLoss() {
    guard lostCount > 0, queue.append(mark(lostCount, lostBytes) + [UInt8(ascii: "\n")]) else {
      return
    }
    (lostCount, lostBytes) = (0, 0)
  }

  func flush(_ poll: borrowing EventPoll) {
    repeat {
      while !queue.isEmpty {
        let count = queue.withWaitingBytes { bytes in
          // Nobody reads: the pipe is as good as full.
          (try? pipe.write(bytes)) ?? nil
        }
        guard let count else { return watch(poll) }
        queue.consume(count)
      }
      // There is room now, and perhaps nothing more to write for long.
      tellLoss()
    } while !queue.isEmpty
    watch(poll)
    if isEnding { closeWriter() }
  }

  private func closeWriter() {
    pipe.closeWriter()
    isClosed = true
  }

  private func watch(_ poll: borrowing EventPoll) {
    guard isWatched == queue.isEmpty else { return }
    isWatched.toggle()
    pipe.watchWriter(isWatched, token: token, poll)
  }

  /// Ends the stream as soon as what waits is written.
  func end(_ poll: borrowing EventPoll) {
    isEnding = true
    flush(poll)
  }

  /// Ends the stream; what the reader does not take now is lost.
  func close(_ poll: borrowing EventPoll) {
    flush(poll)
    closeWriter()
  }
}
