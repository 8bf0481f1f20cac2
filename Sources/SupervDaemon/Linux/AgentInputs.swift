import SupervProtocol
import SupervSystem
import SupervisionTree

/// What waits to be read by programs at their standard inputs. Each pipe is opened when there is
/// first something for it, and ends with its process.
final class AgentInputs {
  private final class Input {
    let key: ProcessKey
    let pipe: Descriptor
    var queue = OutBuffer(maximumBytes: AgentInputs.maximumQueuedBytes)
    var isWatched = false

    init(_ key: ProcessKey, _ pipe: consuming Descriptor) {
      self.key = key
      self.pipe = pipe
    }
  }

  private static let maximumQueuedBytes = 1 << 20
  /// So many pipes stay open, for what comes next, although nothing waits for them.
  private static let idleCount = 64

  private var inputs: [UInt64: Input] = [:]
  private var numbers: [ProcessKey: UInt64] = [:]
  private var nextNumber: UInt64 = 1
  private var news: [ProcessKey] = []

  /// - Parameter open: the pipe of this process; nil when it does not have it any more.
  /// - Returns: false, and nothing is queued, when it does not have it or more than 1 MiB would
  ///   wait.
  func write(
    _ bytes: [UInt8], to key: ProcessKey, _ poll: borrowing EventPoll, open: () -> Descriptor?
  ) -> Bool {
    guard let number = numbers[key] ?? begin(key, open), let input = inputs[number] else {
      return false
    }
    let wasEmpty = input.queue.isEmpty
    guard input.queue.append(bytes) else { return false }
    if flush(input, number, poll) { return true }
    let isUntouched = wasEmpty && input.queue.waitingByteCount == bytes.count
    // What had to wait before is lost with it, which is for the next turn to tell.
    if !isUntouched { news.append(key) }
    end(key, poll)
    return !isUntouched
  }

  private func begin(_ key: ProcessKey, _ open: () -> Descriptor?) -> UInt64? {
    guard let pipe = open() else { return nil }
    let number = nextNumber
    nextNumber += 1
    inputs[number] = Input(key, pipe)
    numbers[key] = number
    return number
  }

  /// Writes as much as the pipe takes.
  ///
  /// - Returns: false when nobody can read it any more.
  private func flush(_ input: Input, _ number: UInt64, _ poll: borrowing EventPoll) -> Bool {
    do {
      while !input.queue.isEmpty {
        let count = try input.queue.withWaitingBytes { (bytes) throws(SystemError) in
          try input.pipe.write(bytes)
        }
        guard let count else { break }
        input.queue.consume(count)
      }
      if input.isWatched == input.queue.isEmpty {
        if input.isWatched {
          try poll.remove(input.pipe)
        } else {
          let token = LinuxKernel.Source.input.token(number)
          try poll.add(input.pipe, token: token, for: .writable)
        }
        input.isWatched.toggle()
      }
    } catch {
      return false
    }
    if input.queue.isEmpty, inputs.count > Self.idleCount { end(input.key, poll) }
    return true
  }

  /// A pipe takes more, or has lost its reader.
  func take(_ number: UInt64, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    guard let input = inputs[number], !flush(input, number, poll) else { return }
    end(input.key, poll)
    events.append(.inputClosed(input.key))
  }

  /// What happened while it was written.
  func takeNews(_ events: inout [KernelEvent]) {
    for key in news { events.append(.inputClosed(key)) }
    news.removeAll()
  }

  /// Its process has ended, or does not read any more.
  func end(_ key: ProcessKey, _ poll: borrowing EventPoll) {
    guard let number = numbers.removeValue(forKey: key),
      let input = inputs.removeValue(forKey: number)
    else { return }
    if input.isWatched { try? poll.remove(input.pipe) }
  }
}
