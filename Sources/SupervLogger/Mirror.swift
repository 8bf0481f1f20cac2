import SupervSystem

/// Shows agents' lines on the logger's stdout as well, as `name | line`.
///
/// A terminal that is stopped (Ctrl-S) or a reader that is slow must not stop the log: what is not
/// taken waits in a bounded buffer, and what does not fit that is counted and marked.
final class Mirror {
  /// How much may wait for stdout.
  static let limitBytes = 1 << 20
  /// Longer names are not padded.
  static let widestName = 24

  private let output: Descriptor
  private let isNonblocking: Bool
  private let isColoured: Bool
  private let pending = ByteBuffer()
  private var missing: UInt64 = 0
  private var width = 0
  private(set) var isClosed = false

  /// Leaves the given descriptor itself as it is: its flags are shared with the shell.
  init(_ standardOutput: borrowing Descriptor) throws(SystemError) {
    isColoured = Surroundings.isTerminal(standardOutput.number)
    let kind = try standardOutput.status().kind
    if kind == .characterDevice || kind == .fifo,
      let own = try? Files.open(
        "/proc/self/fd/\(standardOutput.number)", [.writeOnly, .nonblocking])
    {
      output = own
      isNonblocking = true
    } else {
      output = try standardOutput.duplicate()
      isNonblocking = false
    }
  }

  var hasPending: Bool { !pending.isEmpty && !isClosed }

  /// Lets the loop wait for the output to take more.
  func watch(_ poll: borrowing EventPoll, token: UInt64, _ isWatched: Bool) throws(SystemError) {
    if isWatched {
      try poll.add(output, token: token, for: .writable)
    } else {
      try poll.remove(output)
    }
  }

  func append(_ name: [UInt8], _ line: UnsafePointer<UInt8>, count: Int) {
    guard !isClosed else { return }
    guard pending.count + count <= Mirror.limitBytes else {
      missing += 1
      return
    }
    markMissing()
    width = min(max(width, name.count), Mirror.widestName)
    if isColoured {
      let colour = UInt8(name.reduce(0) { ($0 + Int($1)) % 6 })
      pending.append("\u{1B}[3")
      pending.append([UInt8(ascii: "1") + colour, UInt8(ascii: "m")])
    }
    pending.append(name)
    pending.append(Array(repeating: UInt8(ascii: " "), count: max(0, width - name.count)))
    pending.append(isColoured ? " |\u{1B}[0m " : " | ")
    unsafe pending.append(UnsafeBufferPointer(start: line, count: count))
    // Whatever colour the line left behind ends with it.
    pending.append(isColoured ? "\u{1B}[0m\n" : "\n")
  }

  private func markMissing() {
    guard missing > 0 else { return }
    pending.append(Array("-- superv: \(missing) lines not shown --\n".utf8))
    missing = 0
  }

  /// Writes what the output takes now. When it is closed, the mirror is off from then on.
  func flush() {
    while hasPending {
      do {
        let room = isNonblocking ? pending.count : min(pending.count, Mirror.smallWriteBytes)
        if try !isNonblocking && !output.wait(forWriting: true, timeoutMilliseconds: 0) { return }
        let bytes = unsafe UnsafeBufferPointer(rebasing: pending.bytes.prefix(room))
        guard let count = try output.write(unsafe bytes.span) else { return }
        pending.removeFirst(count)
      } catch {
        isClosed = true
        pending.free()
      }
    }
    if !isClosed && missing > 0 { markMissing() }
  }

  /// Waits at most so long for the output to take the rest.
  func drain(forMilliseconds limit: Int64) {
    flush()
    let deadline = Clock.monotonicNanoseconds + limit * 1_000_000
    while hasPending {
      let left = (deadline - Clock.monotonicNanoseconds) / 1_000_000
      guard left > 0, (try? output.wait(forWriting: true, timeoutMilliseconds: left)) == true
      else { return }
      flush()
    }
  }

  /// What an output that is reported writable takes without waiting (`PIPE_BUF`, pipe(7)).
  private static let smallWriteBytes = 4096
}
