import SupervSystem

/// A probe that is a command, and what it says.
final class CommandProbe {
  /// What is kept of its output, for people: the beginning.
  private static let keptBytes = 4096
  /// Read within one turn.
  private static let readBytes = 64 << 10

  let pid: Int32
  let pidfd: Descriptor
  private let output: Descriptor
  private var kept: [UInt8] = []

  private init(_ process: consuming SpawnedProcess, _ output: consuming Descriptor) {
    pid = process.pid
    pidfd = process.takeDescriptor()
    self.output = output
  }

  /// - Parameters:
  ///   - request: its input and its outputs are not looked at.
  ///   - spawn: starts it.
  static func start(
    _ request: SpawnRequest,
    by spawn: (SpawnRequest) throws(LaunchError) -> SpawnedProcess
  ) throws(LaunchError) -> CommandProbe {
    try makePipe().split { (reader, writer) throws(LaunchError) in
      var request = request
      request.standardInput = .path("/dev/null")
      request.standardOutput = writer.number
      request.standardError = writer.number
      return CommandProbe(try spawn(request), reader)
    }
  }

  private static func makePipe() throws(LaunchError) -> DescriptorPair {
    do {
      let ends = try Pipe.make()
      try ends.first.setNonblocking(true)
      return ends
    } catch {
      throw LaunchError("\(error)")
    }
  }

  func watch(
    process: UInt64, output token: UInt64, _ poll: borrowing EventPoll
  ) throws(SystemError) {
    try poll.add(pidfd, token: process, for: .readable)
    try poll.add(output, token: token, for: .readable)
  }

  /// Reads on, so that it never waits for us; what is too much is let go.
  func takeOutput(_ poll: borrowing EventPoll) {
    var buffer = [UInt8](repeating: 0, count: Self.readBytes)
    var span = buffer.mutableSpan
    let count: Int?
    do { count = try output.read(into: &span) } catch { count = 0 }
    guard let count else { return }
    if count == 0 { ignoreOutput(poll) }
    kept += buffer[..<min(count, Self.keptBytes - kept.count)]
  }

  func ignoreOutput(_ poll: borrowing EventPoll) { try? poll.remove(output) }

  /// Takes its status, with the rest of its process group.
  ///
  /// - Returns: nil while it runs.
  func reap(_ poll: borrowing EventPoll) -> ProbeOutcome? {
    takeOutput(poll)
    // Its dead leader keeps the number of the group.
    _ = try? Processes.send(.kill, toGroup: pid)
    do {
      guard let status = try Processes.reap(pidfd) else { return nil }
      if status == .exited(code: 0) { return .passed }
      let text = visible(String(decoding: kept, as: UTF8.self), limit: Self.keptBytes)
      return .failed(text.isEmpty ? "\(status)" : "\(status): \(text)")
    } catch {
      return .failed("\(error)")
    }
  }
}

/// A text of somebody else's on one line, for people: controls and runs of white space are a space.
func visible(_ text: String, limit: Int) -> String {
  let words = text.prefix(limit).unicodeScalars.split {
    $0.properties.isWhitespace || $0.properties.generalCategory == .control
  }
  return words.map { String($0) }.joined(separator: " ")
}
