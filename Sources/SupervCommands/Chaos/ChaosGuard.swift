import SupervProtocol
import SupervSystem

// Faults that last and are brought about from outside are in the hands of a process of their own,
// the guard. Each has a time at which it ends. When chaos is gone, however it went, the pipe
// between them ends, and then the guard ends all of them and itself.
//
//   NUMBER stop PID START MILLISECONDS           SIGSTOP, and SIGCONT in the end
//   NUMBER files PID START SOFT MILLISECONDS     another limit of open files, and the one before
//   NUMBER ballast BYTES MILLISECONDS FOLDER     a file that has no name: its end is the guard's
//   NUMBER up MILLISECONDS NAME SOCKET           nothing, and `superv up NAME` in the end
//   NUMBER over                                  its end, now; `up` is forgotten

/// The end of chaos that the guard listens to.
final class ChaosGuard {
  private let process: SpawnedProcess
  private let orders: Descriptor

  /// - Throws: `CommandFailure` when it cannot be started.
  init(_ session: Session) throws(CommandFailure) {
    do {
      let pipe = try Pipe.make()
      var request = SpawnRequest(
        command: ["superv", "chaos-guard"],
        environment: session.environment.map { "\($0)=\($1)" })
      request.candidates = [session.executable]
      request.standardInput = .descriptor(pipe.first.number)
      process = try spawn(request)
      orders = pipe.split { _, writer in writer }
    } catch {
      throw .broken("the guard cannot be started: \(error)")
    }
  }

  /// - Returns: false when the guard is gone.
  func order(_ number: Int, _ words: String) -> Bool {
    (try? orders.writeAll("\(number) \(words)\n")) != nil
  }

  /// Lets go of the pipe and reaps the guard.
  static func end(_ guardian: ChaosGuard) {
    _ = guardian.order(0, "end")
    _ = try? guardian.process.pidfd.wait(timeoutMilliseconds: 60_000)
    _ = try? Processes.reap(guardian.process.pidfd)
  }
}

@Sendable func runChaosGuard(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  do {
    // Whoever stops chaos by a signal to all its processes does not mean to leave anything behind.
    let signals = try SignalDescriptor([.terminate, .interrupt, .hangUp])
    let input = Descriptor(owning: 0)
    try input.setNonblocking(true)
    let guardian = GuardRole()
    try guardian.run(input)
    withExtendedLifetime(signals.descriptor.number) {}
    return .ok
  } catch {
    throw .broken("\(error)")
  }
}

private final class GuardRole {
  private enum Undo {
    case resume(ProcessIdentity)
    case files(ProcessIdentity, ProcessLimit)
    case ballast(Ballast)
    case up(socket: String, name: String)
  }

  /// An open file without a name: whatever becomes of this process, its blocks are free again.
  private final class Ballast {
    let file: Descriptor
    init(_ file: consuming Descriptor) { self.file = file }
  }

  private static let pieceBytes = 1 << 20
  private var undos: [Int: (due: Int64, what: Undo)] = [:]
  private var input = LineBuffer()
  private var isOver = false

  init() {}

  func run(_ orders: borrowing Descriptor) throws {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !isOver {
      let now = Clock.monotonicNanoseconds
      let wait = undos.values.map { max(0, ($0.due - now) / 1_000_000 + 1) }.min()
      _ = try orders.wait(forWriting: false, timeoutMilliseconds: wait)
      var span = buffer.mutableSpan
      if let count = try orders.read(into: &span) {
        if count == 0 { isOver = true }
        input.append(buffer.span.extracting(first: count))
      }
      takeOrders()
      for (number, undo) in undos where undo.due <= Clock.monotonicNanoseconds {
        end(number, undo.what)
      }
    }
    for (number, undo) in undos { end(number, undo.what) }
  }

  private func takeOrders() {
    while let event = input.next() {
      guard case .line(let range) = event else { continue }
      let text = input.withBytes(of: range) { line in
        unsafe line.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
      }
      let words = text.split(separator: " ", maxSplits: 5).map(String.init)
      guard words.count > 1, let number = Int(words[0]) else { continue }
      take(number, words[1], Array(words.dropFirst(2)), text)
    }
  }

  private func take(_ number: Int, _ what: String, _ words: [String], _ text: String) {
    switch (what, words.count) {
    case ("end", _): isOver = true
    case ("over", _):
      guard let undo = undos[number] else { return }
      if case .up = undo.what {
        undos[number] = nil
      } else {
        end(number, undo.what)
      }
    case ("stop", 3):
      guard let process = identity(words), let pidfd = (try? process.open()) ?? nil else { return }
      begin(number, words[2], .resume(process))
      _ = try? Processes.send(.stop, to: pidfd)
    case ("files", 4):
      guard let process = identity(words), let soft = UInt64(words[2]),
        let before = try? ProcessLimit.current(.nofile, of: process.pid)
      else { return }
      begin(number, words[3], .files(process, before))
      try? ProcessLimit(.nofile, soft: min(soft, before.hard), hard: before.hard)
        .apply(to: process)
    case ("ballast", 3...):
      if let bytes = Int64(words[0]) { load(number, bytes, words[1], path(in: text)) }
    case ("up", 3...):
      begin(number, words[0], .up(socket: path(in: text), name: words[1]))
    default: break
    }
  }

  /// The rest of the line, spaces included.
  private func path(in text: String) -> String {
    text.split(separator: " ", maxSplits: 4).last.map(String.init) ?? ""
  }

  private func identity(_ words: [String]) -> ProcessIdentity? {
    guard let pid = Int32(words[0]), let start = UInt64(words[1]) else { return nil }
    return ProcessIdentity(pid: pid, startTime: start)
  }

  private func begin(_ number: Int, _ milliseconds: String, _ what: Undo) {
    let span = (Int64(milliseconds) ?? 0) * 1_000_000
    undos[number] = (Clock.monotonicNanoseconds + span, what)
  }

  private func load(
    _ number: Int, _ bytes: Int64, _ milliseconds: String, _ folder: String
  ) {
    let path = "\(folder)/chaos-ballast-\(Processes.ownPid)"
    guard let file = try? Files.open(path, [.writeOnly, .create, .exclusive], mode: 0o600) else {
      return
    }
    try? Files.remove(path)
    let ballast = Ballast(file)
    begin(number, milliseconds, .ballast(ballast))
    let piece = [UInt8](repeating: 0xA5, count: Self.pieceBytes)
    var left = bytes
    while left > 0 {
      let part = piece.span.extracting(first: Int(min(left, Int64(piece.count))))
      guard let count = (try? ballast.file.write(part)) ?? nil, count > 0 else { return }
      left -= Int64(count)
    }
  }

  private func end(_ number: Int, _ undo: Undo) {
    undos[number] = nil
    switch undo {
    case .resume(let process):
      guard let pidfd = (try? process.open()) ?? nil else { return }
      _ = try? Processes.send(.resume, to: pidfd)
    case .files(let process, let before): try? before.apply(to: process)
    case .ballast: break
    case .up(let socket, let name):
      let deadline = Deadline(after: .seconds(30))
      guard let client = try? DaemonClient(connectingTo: socket, by: deadline) else { return }
      _ = try? client.call(.up, NamesParams(names: [name]), by: deadline)
    }
  }
}

/// The most that a process can use of the processor, or some memory, for a while.
@Sendable func runChaosHog(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let words = invocation.operands
  guard let milliseconds = Int64(words[1]), let bytes = Int(words[2]), bytes >= 0 else {
    throw .usage("MILLISECONDS and BYTES are numbers")
  }
  let end = Clock.monotonicNanoseconds + milliseconds * 1_000_000
  if words[0] == "memory" {
    // Written to, so that it is there.
    let memory = [UInt8](repeating: 1, count: bytes)
    while Clock.monotonicNanoseconds < end { pause(milliseconds: 20) }
    return memory.count == bytes ? .ok : .no
  }
  var sum: UInt64 = 0
  while Clock.monotonicNanoseconds < end {
    for number in 0..<100_000 { sum = sum &* 31 &+ UInt64(number) }
  }
  // Used, so that it is worked out.
  return sum == 0 ? .no : .ok
}
