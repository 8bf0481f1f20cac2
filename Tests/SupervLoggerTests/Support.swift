import SupervLogger
import SupervSystem
import Testing

/// A folder of its own for one test, removed with everything in it.
struct Scratch: ~Copyable {
  let path: String

  init() throws {
    path = "/tmp/superv-log-\(UInt64.random(in: 0 ... .max))"
    try Files.makeDirectories(path, mode: 0o755)
  }

  deinit { Self.clear(path) }

  private static func clear(_ path: String) {
    for name in (try? Files.names(in: path)) ?? [] {
      let inside = "\(path)/\(name)"
      let kind = try? Files.status(of: inside, followingLinks: false)?.kind
      if kind == .directory { clear(inside) } else { try? Files.remove(inside) }
    }
    try? Files.removeDirectory(path)
  }

  func read(_ name: String) throws -> String { try Files.readText("\(path)/\(name)") }

  func lines(_ name: String) throws -> [Substring] { try read(name).split(separator: "\n") }

  func names() throws -> [String] { try Files.names(in: path) }
}

/// Two clocks that stand still until they are moved.
final class FakeClock {
  /// 2026-11-21T07:20:00.123456Z
  var realNanoseconds: Int64 = 1_795_245_600_123_456_000
  var monotonicNanoseconds: Int64 = 1_000_000_000_000

  func advance(milliseconds: Int64) {
    realNanoseconds += milliseconds * 1_000_000
    monotonicNanoseconds += milliseconds * 1_000_000
  }
}

let stamp = "2026-11-21T07:20:00.123456Z"

/// The logger's loop in this process, with a real link, real pipes and real files.
final class Harness {
  let clock = FakeClock()
  let loop: LoggerLoop
  private(set) var link: LoggerLink
  /// Where the next daemon comes in; empty: nowhere.
  private let doorPath: String
  private(set) var reports: [LoggerReport] = []
  private var lastStream: UInt64 = 0

  init(
    _ directory: String, totalMaximumBytes: Int64 = 0, mirror: consuming Descriptor? = nil,
    door: String = "", change: (inout LoggerOptions) -> Void = { _ in }
  ) throws {
    var options = LoggerOptions()
    let clock = clock
    options.realTimeClock = { clock.realNanoseconds }
    options.monotonicClock = { clock.monotonicNanoseconds }
    change(&options)
    let isMirrored = mirror != nil
    let ends = try UnixSocket.pair().split { (first, second) in [first.release(), second.release()]
    }
    link = try LoggerLink(socket: Descriptor(owning: ends[0]))
    doorPath = door
    let listener =
      door.isEmpty ? nil : try UnixSocket.listen(at: door, kind: .packets, mode: 0o666)
    loop = try LoggerLoop(
      link: Descriptor(owning: ends[1]), listener: listener, standardOutput: mirror,
      options: options)
    #expect(
      try link.send(
        .configure(
          directory: directory, totalMaximumBytes: totalMaximumBytes,
          mirrorsToTerminal: isMirrored)) == .sent)
    try turn()
  }

  /// Runs the loop as long as there is something to do now.
  @discardableResult
  func turn() throws -> Bool {
    // What is there is dealt with in a few turns; a spammer that refills its pipe is in no test.
    for _ in 0..<20 {
      guard try loop.runOnce(timeoutMilliseconds: 0) else {
        takeReports()
        return false
      }
      takeReports()
    }
    return true
  }

  /// The same with a daemon that takes no reports.
  func turnWithoutReading() throws {
    for _ in 0..<20 { _ = try loop.runOnce(timeoutMilliseconds: 0) }
  }

  func takeReports() {
    while case .report(let report)? = try? link.receive() { reports.append(report) }
  }

  /// Opens a stream and gives back the end to write to.
  func open(
    _ file: LogFileSettings, kind: LogStreamKind = .stdout, agent: String = "crawler",
    pipeBytes: Int32? = nil
  ) throws -> Descriptor {
    lastStream += 1
    let origin = LogOrigin(
      name: agent, agent: agent, instance: 0, incarnation: 3, processID: 4711)
    let stream = LogStream(id: lastStream, kind: kind, origin: origin, file: file)
    return try Pipe.make(bytes: pipeBytes, nonblocking: true).split { (reader, writer) throws in
      #expect(try link.open(stream, pipe: reader) == .sent)
      try turn()
      return writer
    }
  }

  /// Writes to a pipe, with a turn of the loop whenever it is full.
  func write(_ text: String, to pipe: borrowing Descriptor) throws {
    try write(Array(text.utf8), to: pipe)
  }

  func write(_ bytes: [UInt8], to pipe: borrowing Descriptor) throws {
    var written = 0
    while written < bytes.count {
      if let count = try pipe.write(bytes.span.extracting(written..<bytes.count)) {
        written += count
      } else {
        try turn()
      }
    }
    try turn()
  }

  /// What the next daemon begins with, when this one is dead.
  func nextLink() throws -> LoggerLink {
    try LoggerLink(
      socket: try UnixSocket.connect(to: doorPath, kind: .packets, nonblocking: true))
  }

  /// Becomes the next daemon.
  func connectAgain() throws { link = try nextLink() }

  /// Takes what the logger has from before.
  ///
  /// - Returns: the streams, with the numbers of their pipes.
  func adopt() throws -> [(stream: LogStream, inode: UInt64)] {
    var found: [(stream: LogStream, inode: UInt64)] = []
    while true {
      _ = try loop.runOnce(timeoutMilliseconds: 0)
      while case .report(let report) = try link.receive() {
        switch report {
        case .adopted(let stream): found.append((stream, try inodeOfPipe()))
        case .adoptedAll: return found
        default: reports.append(report)
        }
      }
    }
  }

  private func inodeOfPipe() throws -> UInt64 {
    guard let pipe = link.takePipe() else { throw NoPipe() }
    return try pipe.status().inode
  }

  /// Sends a packet that the daemon would not send.
  func send(_ packet: [UInt8]) throws {
    _ = try link.socket.sendMessage(packet.span)
  }

  /// Says that it is over and runs to the end.
  func finish(graceMilliseconds: UInt32 = 1000) throws {
    _ = try link.send(.finish(graceMilliseconds: graceMilliseconds))
    // A process that another test is just starting holds the ends of pipes for a moment.
    for _ in 0..<600 {
      let goesOn = try loop.runOnce(timeoutMilliseconds: 100)
      takeReports()
      if !goesOn { return }
    }
    Issue.record("the loop goes on after its streams have ended")
  }
}

struct NoPipe: Error {}

/// Says aloud that something was not tested.
func notTested(_ what: String, because reason: String) {
  print("NOT TESTED: \(what), because \(reason)")
}
