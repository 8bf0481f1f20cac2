import SupervDaemon
import SupervSystem
import SupervisionTree
import Testing

/// Files are read by a process of its own, whatever becomes of it.
@Suite(.serialized) struct FileReaderTests {
  /// More than is read at once.
  private static let content = sampleBytes(5_000_000)

  @Test func partsAreRead() throws {
    let folder = try LoggerFolder()
    let path = "\(folder.path)/a file with spaces"
    try Files.replace(path, with: Self.content.span)
    let inode = try #require(try Files.status(of: path)).inode
    let player = try ReaderPlayer()
    defer { player.end() }
    let size = Self.content.count
    let parts: [(FilePart, Range<Int>)] = [
      (.from(0, count: 10), 0..<10), (.from(100, count: 200_000), 100..<200_100),
      (.from(size - 5, count: 10), size - 5..<size), (.from(size, count: 10), 0..<0),
      (.from(size + 1, count: 10), 0..<0), (.from(.max, count: .max), 0..<0),
      (.from(-5, count: 3), 0..<3), (.from(3, count: -5), 0..<0), (.last(0), 0..<0),
      (.last(10), size - 10..<size), (.last(.min), 0..<0),
      (.last(.max), size - (4 << 20)..<size), (.from(0, count: .max), 0..<4 << 20),
    ]
    for (part, range) in parts {
      let expected = FileRead.bytes(Array(Self.content[range]), sizeBytes: size, inode: inode)
      let found = try player.read(path, part)
      #expect(found == expected, "\(part)")
    }
    #expect(try player.read("\(folder.path)/small", .last(10)) == .missing)
    try folder.write("small")
    let empty = try #require(try Files.status(of: "\(folder.path)/small")).inode
    #expect(
      try player.read("\(folder.path)/small", .last(10)) == .bytes([], sizeBytes: 0, inode: empty))
  }

  @Test func whatIsNoFileIsNotRead() throws {
    let folder = try LoggerFolder()
    try Files.makeFIFO("\(folder.path)/fifo")
    try Files.makeLink("\(folder.path)/loop", to: "\(folder.path)/loop")
    let player = try ReaderPlayer()
    defer { player.end() }
    let socket = try UnixSocket.listen(at: "\(folder.path)/socket")
    for path in ["\(folder.path)", "\(folder.path)/fifo", "\(folder.path)/socket", "/dev/zero"] {
      #expect(try player.read(path, .last(1)) == .failed("\(path) is not a regular file"))
    }
    _ = consume socket
    #expect(try player.read("\(folder.path)/fifo/x", .last(1)) == .missing)
    #expect(try player.read("", .last(1)) == .missing)
    guard case .failed = try player.read("\(folder.path)/loop", .last(1)),
      case .failed = try player.read(String(repeating: "/x", count: 2048), .last(1)),
      case .failed = try player.read("/etc/pass\0wd", .last(1))
    else { return #expect(Bool(false), "what cannot be opened was read") }
    // They are all the same one's.
    #expect(player.processCount == 1)
  }

  @Test func manyAreReadInTheirOrder() throws {
    let folder = try LoggerFolder()
    let player = try ReaderPlayer()
    defer { player.end() }
    try Files.replace("\(folder.path)/a", with: Self.content.span)
    for number in 0..<100 { player.ask("\(folder.path)/a", .from(number, count: 1)) }
    try player.turn { player.answers.count == 100 }
    #expect(player.answers.map(\.id.number) == Array(0..<100))
    for (index, answer) in player.answers.enumerated() {
      guard case .bytes(let bytes, _, _) = answer.found else {
        #expect(Bool(false), "\(answer)")
        continue
      }
      #expect(bytes == [Self.content[index]])
    }
  }

  @Test func whenItIsKilledWhatItWasAskedFailsAndTheNextOneIsRead() throws {
    let folder = try LoggerFolder()
    try folder.write("a")
    let player = try ReaderPlayer()
    defer { player.end() }
    _ = try player.read("\(folder.path)/a", .last(1))
    try player.signal(.stop)
    for _ in 0..<3 { player.ask("\(folder.path)/a", .last(1)) }
    try player.signal(.kill)
    try player.turn { player.answers.count == 4 }
    #expect(player.failureCount == 3)
    guard case .bytes = try player.read("\(folder.path)/a", .last(1)) else {
      return #expect(Bool(false), "the next one is not read")
    }
    #expect(player.processCount == 2)
  }

  @Test func oneThatHangsIsGivenUp() throws {
    let folder = try LoggerFolder()
    try folder.write("a")
    let player = try ReaderPlayer()
    defer { player.end() }
    _ = try player.read("\(folder.path)/a", .last(1))
    try player.signal(.stop)
    player.ask("\(folder.path)/a", .last(1))
    player.ask("\(folder.path)/a", .last(1))
    player.advance(by: .seconds(9))
    #expect(player.answers.count == 1)
    player.advance(by: .seconds(2))
    #expect(player.answers.count == 3 && player.failureCount == 2)
    #expect(player.pid == nil)
  }

  @Test func withoutWorkItEnds() throws {
    let folder = try LoggerFolder()
    try folder.write("a")
    let player = try ReaderPlayer()
    defer { player.end() }
    _ = try player.read("\(folder.path)/a", .last(1))
    let process = try player.process()
    player.advance(by: .seconds(11))
    #expect(player.pid == nil)
    // Its socket is at its end; nobody kills it.
    let hasEnded = try process.wait(timeoutMilliseconds: 120_000)
    #expect(hasEnded)
    guard case .bytes = try player.read("\(folder.path)/a", .last(1)) else {
      return #expect(Bool(false), "the next one is not read")
    }
  }

  @Test func itEndsWithItsDaemon() throws {
    let folder = try LoggerFolder()
    try folder.write("a")
    let process: Descriptor
    do {
      let player = try ReaderPlayer()
      _ = try player.read("\(folder.path)/a", .last(1))
      process = try player.process()
    }
    let hasEnded = try process.wait(timeoutMilliseconds: 120_000)
    #expect(hasEnded)
    #expect(try Processes.reap(process) == .exited(code: 0))
  }
}

/// The part of a daemon that reads files, in this process, with the real reader as its child.
private final class ReaderPlayer {
  struct Answer {
    var id: FileReadID
    var found: FileRead

    var isFailure: Bool { if case .failed = found { true } else { false } }
  }

  private let reader: FileReader
  private let poll: EventPoll
  private var ready: [EventPoll.Event] = []
  private var nextID: UInt64 = 0
  private var shift = Duration.zero
  private var pids: Set<Int32> = []
  private(set) var answers: [Answer] = []

  var failureCount: Int { answers.filter(\.isFailure).count }

  init() throws {
    let superv = CommandLine.arguments.first.map { Files.parent(of: $0) + "/superv" }
    reader = FileReader(executable: try #require(superv))
    poll = try EventPoll()
  }

  private var now: MonotonicTime {
    MonotonicTime(nanoseconds: Clock.monotonicNanoseconds) + shift
  }

  var pid: Int32? { reader.pid }
  /// How many processes have read.
  var processCount: Int { pids.count }

  func process() throws -> Descriptor {
    guard let pidfd = try Processes.open(pid: try #require(pid)) else { throw NoReader() }
    return pidfd
  }

  func signal(_ signal: Signal) throws { try Processes.send(signal, to: try process()) }

  func ask(_ path: String, _ part: FilePart) {
    reader.read(FileReadID(number: nextID), path, part, now, poll)
    nextID += 1
    if let pid { pids.insert(pid) }
    take()
  }

  func read(_ path: String, _ part: FilePart) throws -> FileRead {
    let count = answers.count
    ask(path, part)
    try turn { answers.count > count }
    return answers[count].found
  }

  func turn(until isSo: () -> Bool) throws {
    let deadline = Clock.monotonicNanoseconds + 120 * 1_000_000_000
    while !isSo() {
      try #require(Clock.monotonicNanoseconds < deadline)
      try poll.wait(&ready, timeoutMilliseconds: 10)
      reader.take(now, poll)
      reader.takeEnds(now, poll)
      take()
    }
  }

  /// Lets so much time pass.
  func advance(by span: Duration) {
    shift += span
    reader.advance(now, poll)
    take()
  }

  private func take() {
    var events: [KernelEvent] = []
    reader.takeNews(&events)
    for case .fileRead(let id, let found) in events { answers.append(Answer(id: id, found: found)) }
  }

  /// Lets it end, and reaps it.
  func end() {
    advance(by: .seconds(1000))
    for pid in pids {
      guard let pidfd = (try? Processes.open(pid: pid)) ?? nil else { continue }
      _ = try? pidfd.wait(timeoutMilliseconds: 120_000)
    }
    reader.takeEnds(now, poll)
  }
}

private struct NoReader: Error {}
