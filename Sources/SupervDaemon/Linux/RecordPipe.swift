import SupervProtocol
import SupervSystem

/// The daemon's end of a pipe to the logger, for lines of its own and for output that it passes on:
/// what the pipe does not take now waits in a bounded queue, and what does not fit there is lost,
/// counted and said.
final class RecordPipe {
  /// What did not get through.
  struct Loss {
    var lines = 0
    var bytes = 0

    mutating func add(_ lost: [UInt8]) {
      lines += lost.count { $0 == UInt8(ascii: "\n") }
      bytes += lost.count
    }
  }

  private let pipe: LogPipe
  private let token: UInt64
  private var queue: OutBuffer
  /// The line that says how many lines and bytes are lost.
  private let mark: (_ lines: Int, _ bytes: Int) -> [UInt8]
  private var loss: Loss
  private var isWatched = false
  private var isEnding = false
  private(set) var isClosed = false

  init(
    _ pipe: LogPipe, token: UInt64, maximumQueuedBytes: Int, loss: Loss = Loss(),
    mark: @escaping (_ lines: Int, _ bytes: Int) -> [UInt8]
  ) {
    self.pipe = pipe
    self.token = token
    self.loss = loss
    self.mark = mark
    queue = OutBuffer(maximumBytes: maximumQueuedBytes)
  }

  var queuedByteCount: Int { queue.waitingByteCount }

  /// Bytes as they are: of records whole lines.
  ///
  /// - Parameter hasRoom: whether others leave room for what waits here.
  func write(_ bytes: [UInt8], _ poll: borrowing EventPoll, hasRoom: Bool = true) {
    tellLoss()
    if loss.bytes > 0 || !hasRoom || !queue.append(bytes) { loss.add(bytes) }
    flush(poll)
  }

  private func tellLoss() {
    guard loss.bytes > 0, queue.append(mark(loss.lines, loss.bytes) + [UInt8(ascii: "\n")]) else {
      return
    }
    loss = Loss()
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

  /// Waits until all is written, or until a point of monotonic time.
  func drain(untilNanoseconds deadline: Int64, _ poll: borrowing EventPoll) {
    flush(poll)
    while !queue.isEmpty {
      let left = (deadline - Clock.monotonicNanoseconds) / 1_000_000
      guard left > 0, pipe.waitForRoom(milliseconds: left) else { return }
      flush(poll)
    }
  }

  /// Ends the stream; what the reader does not take now is lost.
  func close(_ poll: borrowing EventPoll) {
    flush(poll)
    closeWriter()
  }
}
