import SupervProtocol
package import SupervSystem
package import SupervisionTree

/// Has files read, however long a disk takes: by a process of its own, `superv read`, which is
/// there while there is something to read. It reads one after the other.
package final class FileReader {
  private struct Reading {
    let id: FileReadID
    let request: FileRequest
  }

  private final class Child {
    let pid: Int32
    let pidfd: Descriptor

    init(_ process: consuming SpawnedProcess) {
      pid = process.pid
      pidfd = process.takeDescriptor()
    }

    /// - Returns: whether it has ended and is no child any more.
    var isGone: Bool {
      do {
        return try Processes.reap(pidfd) != nil
      } catch {
        return true
      }
    }
  }

  private final class Helper {
    let child: Child
    let socket: Descriptor

    init(_ process: consuming SpawnedProcess, _ socket: consuming Descriptor) {
      child = Child(process)
      self.socket = socket
    }
  }

  /// How far the first reading is.
  private enum State {
    /// It was not asked for: there is none.
    case idle
    case asked
    case receiving([UInt8], count: Int, sizeBytes: Int, inode: UInt64)
  }

  /// How long one reading may take, and how long the process stays when there is none.
  private static let patience = Duration.seconds(10)
  private static let mostWaiting = 1024
  /// So many may hang on disks, or be on their way out, before no more is started.
  private static let mostDying = 4
  /// Taken from the socket in one turn: 512 KiB.
  private static let packetsPerTurn = 8

  private let executable: String
  private var helper: Helper?
  private var dying: [Child] = []
  private var waiting: [Reading] = []
  private var state = State.idle
  private var deadline: MonotonicTime?
  private var news: [KernelEvent] = []
  private var packet = [UInt8](repeating: 0, count: FileReading.pieceBytes)

  /// - Parameter executable: superv.
  package init(executable: String = "/proc/self/exe") { self.executable = executable }

  /// The process that reads now; nil when there is none.
  package var pid: Int32? { helper?.child.pid }

  /// Whether a child of superv's is one of its processes.
  func has(_ pid: Int32) -> Bool {
    helper?.child.pid == pid || dying.contains { $0.pid == pid }
  }

  /// When `advance` has something to do; nil: not before something happens.
  var due: MonotonicTime? { deadline }

  var hasNews: Bool { !news.isEmpty }

  /// Has a part of a file read; `fileRead` comes exactly once.
  package func read(
    _ id: FileReadID, _ path: String, _ part: FilePart, _ now: MonotonicTime,
    _ poll: borrowing EventPoll
  ) {
    guard path.utf8.count <= FileReading.longestPathBytes, !path.utf8.contains(0) else {
      return tell(id, .failed("the path of a file to read is longer than paths may be"))
    }
    guard waiting.count < Self.mostWaiting else {
      return tell(id, .failed("too many files are being read already"))
    }
    if helper == nil, let problem = start(poll) { return tell(id, .failed(problem)) }
    waiting.append(Reading(id: id, request: FileRequest(path, part)))
    if case .idle = state { ask(now, poll) }
  }

  private func tell(_ id: FileReadID, _ found: FileRead) { news.append(.fileRead(id, found)) }

  /// - Returns: why it cannot be started, for people.
  private func start(_ poll: borrowing EventPoll) -> String? {
    guard dying.count < Self.mostDying else {
      return "\(dying.count) processes hang already that were to read files"
    }
    do {
      let started = try UnixSocket.pair(kind: .packets).split {
        (ours, theirs) throws -> Helper in
        try ours.setNonblocking(true)
        var request = SpawnRequest(command: ["superv", "read"], environment: [])
        request.candidates = [executable]
        request.directory = "/"
        request.standardInput = .descriptor(theirs.number)
        return Helper(try spawn(request), ours)
      }
      do {
        try poll.add(
          started.child.pidfd, token: LinuxKernel.Source.readerProcess.token(), for: .readable)
        try poll.add(started.socket, token: LinuxKernel.Source.reader.token(), for: .readable)
      } catch {
        // Nobody would see its end; it is reaped as orphans are.
        _ = try? Processes.send(.kill, to: started.child.pidfd)
        throw error
      }
      helper = started
      return nil
    } catch {
      return "superv read: \(error)"
    }
  }

  private func ask(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    state = .idle
    guard let helper else { return }
    deadline = now + Self.patience
    guard let next = waiting.first else { return }
    state = .asked
    do {
      // It takes the next request when it has answered the last one: there is room.
      _ = try helper.socket.sendMessage(next.request.packet.span)
    } catch {
      giveUp("superv read: \(error)", poll)
    }
  }

  // MARK: What comes back

  /// The socket has something, or is at its end.
  package func take(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    for _ in 0..<Self.packetsPerTurn {
      guard let helper else { return }
      let count: Int?
      do {
        var span = packet.mutableSpan
        count = try helper.socket.receivePacket(into: &span)?.byteCount
      } catch {
        return giveUp("superv read: \(error)", poll)
      }
      guard let count else { return }
      guard count > 0 else { return giveUp("the process that reads ended", poll) }
      take(count, now, poll)
    }
  }

  private func take(_ count: Int, _ now: MonotonicTime, _ poll: borrowing EventPoll) {
    switch state {
    case .idle: giveUp("superv read said something unasked", poll)
    case .asked:
      switch FileAnswer(packet: packet.span.extracting(..<count)) {
      case nil: giveUp("superv read said something else", poll)
      case .missing: finish(.missing, now, poll)
      case .failed(let why): finish(.failed(why), now, poll)
      case .bytes(let count, let sizeBytes, let inode):
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        receive(bytes, count, sizeBytes, inode, now, poll)
      }
    case .receiving(var bytes, let wanted, let sizeBytes, let inode):
      // The only copy, to grow in place.
      state = .asked
      guard bytes.count + count <= wanted else {
        return giveUp("superv read said something else", poll)
      }
      bytes += packet[..<count]
      receive(bytes, wanted, sizeBytes, inode, now, poll)
    }
  }

  private func receive(
    _ bytes: consuming [UInt8], _ count: Int, _ sizeBytes: Int, _ inode: UInt64,
    _ now: MonotonicTime, _ poll: borrowing EventPoll
  ) {
    if bytes.count == count {
      finish(.bytes(bytes, sizeBytes: sizeBytes, inode: inode), now, poll)
    } else {
      state = .receiving(bytes, count: count, sizeBytes: sizeBytes, inode: inode)
    }
  }

  private func finish(_ found: FileRead, _ now: MonotonicTime, _ poll: borrowing EventPoll) {
    tell(waiting.removeFirst().id, found)
    ask(now, poll)
  }

  package func takeNews(_ events: inout [KernelEvent]) {
    guard !news.isEmpty else { return }
    events += news
    news = []
  }

  // MARK: The end

  /// Something has ended: reaps what has.
  package func takeEnds(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    if let helper, (try? helper.child.pidfd.wait(timeoutMilliseconds: 0)) == true {
      // What it still had to say.
      take(now, poll)
      giveUp("the process that reads ended", poll)
    }
    dying.removeAll { child in
      guard child.isGone else { return false }
      try? poll.remove(child.pidfd)
      return true
    }
  }

  /// Does what is due: ends a reading that hangs, and a process that has nothing to do.
  package func advance(_ now: MonotonicTime, _ poll: borrowing EventPoll) {
    guard let due = deadline, due <= now else { return }
    if waiting.isEmpty {
      letGo(poll)
    } else {
      giveUp("it took longer than \(Self.patience.wholeNanoseconds / 1_000_000_000) s", poll)
    }
  }

  /// Ends the process and all readings.
  private func giveUp(_ why: String, _ poll: borrowing EventPoll) {
    if let helper { _ = try? Processes.send(.kill, to: helper.child.pidfd) }
    letGo(poll)
    let lost = waiting
    waiting = []
    for reading in lost { tell(reading.id, .failed("\(reading.request.path): \(why)")) }
  }

  /// It sees the end of its socket, and ends.
  private func letGo(_ poll: borrowing EventPoll) {
    state = .idle
    deadline = nil
    guard let helper else { return }
    try? poll.remove(helper.socket)
    self.helper = nil
    dying.append(helper.child)
  }

  /// The end of superv.
  func stop(_ poll: borrowing EventPoll) {
    giveUp("superv ends", poll)
    for child in dying { _ = try? Processes.send(.kill, to: child.pidfd) }
  }
}
