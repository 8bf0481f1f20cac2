import SupervConfig
import SupervSystem

/// The probes that run: commands and connections, all on the one loop. Whether one takes too long
/// is for whoever started it to say: nothing here has a time of its own.
final class ProbeTable {
  private enum Run {
    case command(CommandProbe)
    case connection(ConnectionProbe)
  }

  private var runs: [UInt64: Run] = [:]
  /// Killed, and to be reaped.
  private var dying: [UInt64: CommandProbe] = [:]
  /// Of commands.
  private(set) var pids: Set<Int32> = []
  /// Over before they had to wait for anything.
  private var news: [(id: ProbeID, outcome: ProbeOutcome)] = []

  /// Commands that are being killed included.
  var count: Int { runs.count + dying.count }

  var hasNews: Bool { !news.isEmpty }

  /// Whether a child of superv's is one of these.
  func has(_ pid: Int32) -> Bool { pids.contains(pid) }

  /// - Parameter request: what a command is started with; not called for other kinds.
  func start(
    _ id: ProbeID, _ kind: ProbeKind, _ poll: borrowing EventPoll,
    startCommand: ([String]) throws(LaunchError) -> CommandProbe
  ) {
    do {
      switch kind {
      case .command(let words): try start(id, startCommand(words), poll)
      case .tcp(let host, let port):
        try start(id, ConnectionProbe(host: host, port: port), poll)
      case .http(let host, let port, let path):
        try start(id, ConnectionProbe(host: host, port: port, path: path), poll)
      case .unix(let path): try start(id, ConnectionProbe(path: path), poll)
      case .ping, .watchdog: preconditionFailure("\(kind) is no probe of the kernel's")
      }
    } catch {
      news.append((id, .failed("\(error)")))
    }
  }

  private func start(
    _ id: ProbeID, _ probe: CommandProbe, _ poll: borrowing EventPoll
  ) throws(SystemError) {
    do {
      try probe.watch(
        process: LinuxKernel.Source.probeProcess.token(id.number),
        output: LinuxKernel.Source.probe.token(id.number), poll)
    } catch {
      // Nobody would see its end; it is reaped as orphans are.
      Processes.killTree(probe.pid)
      throw error
    }
    pids.insert(probe.pid)
    runs[id.number] = .command(probe)
  }

  private func start(
    _ id: ProbeID, _ probe: ConnectionProbe, _ poll: borrowing EventPoll
  ) throws(SystemError) {
    try poll.add(
      probe.socket, token: LinuxKernel.Source.probe.token(id.number), for: .writable)
    runs[id.number] = .connection(probe)
  }

  func cancel(_ id: ProbeID, _ poll: borrowing EventPoll) {
    news.removeAll { $0.id == id }
    switch runs.removeValue(forKey: id.number) {
    case .command(let probe):
      Processes.killTree(probe.pid)
      probe.ignoreOutput(poll)
      dying[id.number] = probe
    case .connection(let probe): try? poll.remove(probe.socket)
    case nil: break
    }
  }

  func takeNews(_ events: inout [KernelEvent]) {
    for (id, outcome) in news { events.append(.probeEnded(id, outcome)) }
    news.removeAll()
  }

  /// A socket or an output has something.
  func take(_ number: UInt64, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    switch runs[number] {
    case .command(let probe): probe.takeOutput(poll)
    case .connection(let probe):
      let token = LinuxKernel.Source.probe.token(number)
      guard let outcome = probe.advance(token, poll) else { return }
      try? poll.remove(probe.socket)
      runs[number] = nil
      events.append(.probeEnded(ProbeID(number: number), outcome))
    case nil: break
    }
  }

  /// A command has ended.
  func takeEnd(_ number: UInt64, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    if case .command(let probe) = runs[number] {
      guard let outcome = probe.reap(poll) else { return }
      runs[number] = nil
      forget(probe, poll)
      events.append(.probeEnded(ProbeID(number: number), outcome))
    } else if let probe = dying[number], probe.reap(poll) != nil {
      dying[number] = nil
      forget(probe, poll)
    }
  }

  private func forget(_ probe: CommandProbe, _ poll: borrowing EventPoll) {
    probe.ignoreOutput(poll)
    try? poll.remove(probe.pidfd)
    pids.remove(probe.pid)
  }

  /// Ends them all: superv does.
  func cancelAll(_ poll: borrowing EventPoll) {
    for number in runs.keys { cancel(ProbeID(number: number), poll) }
  }
}
