package import SupervSystem

// What the logger does for its daemon, and between two of them.

extension LoggerLoop {
  /// Carries out one command, except `open`, which needs a pipe.
  package func carryOut(_ command: LoggerCommand) {
    switch command {
    case .configure(let directory, let totalMaximumBytes, let mirrorsToTerminal):
      try? Files.makeDirectories(directory, mode: 0o750)
      store.folder.configure(directory: directory, maximumBytes: totalMaximumBytes)
      store.isInForeground = mirrorsToTerminal
      setMirror(mirrorsToTerminal)
    case .open:
      malformedCommands += 1
    case .identify(let streams):
      for stream in streams { identify(stream) }
    case .update(let settings):
      store.file(at: settings.path)?.update(settings)
      for input in inputs.all where input.stream.file.path == settings.path {
        input.update(settings)
      }
    case .rotate(let path):
      store.rotate(path: path)
    case .reopen:
      store.closeAll()
    case .reportUsage: reportUsage()
    case .finish(let graceMilliseconds):
      let deadline = options.monotonicClock() + Int64(graceMilliseconds) * 1_000_000
      phase = .finishing(deadlineNanoseconds: deadline)
      door.close(poll)
    }
  }

  private func identify(_ process: StreamProcess) {
    guard let token = inputs.token(ofStream: process.stream), let input = inputs[token] else {
      return
    }
    input.identify(process.processID)
    watch(token, input)
  }

  private func reportUsage() {
    let most = LoggerCommand.mostStreamsPerPacket
    var usages = inputs.all.compactMap { $0.takeUsage() }
    while usages.count > most {
      store.report(.usage(Array(usages.suffix(most)), isLast: false))
      usages.removeLast(most)
    }
    store.report(.usage(usages, isLast: true))
  }

  // MARK: The link

  func serveLink(_ readiness: EventPoll.Readiness) {
    guard !readiness.intersection([.readable, .hangUp, .error]).isEmpty else { return }
    takeCommands(atMost: LoggerLoop.commandsPerTurn)
  }

  /// Bounded, so that a flood of commands does not keep the streams waiting.
  private static let commandsPerTurn = 256
  /// More than a socket holds (`/proc/sys/net/core/wmem_max`).
  private static let mostCommandsLeft = 65_536

  private func takeCommands(atMost limit: Int) {
    for _ in 0..<limit {
      switch outbox.receive(openingAside: open) {
      case .wouldBlock: return
      case .malformed: malformedCommands += 1
      case .command(let command): carryOut(command)
      case .open(let stream): if let pipe = outbox.takePipe() { open(stream, pipe: pipe) }
      case .ended: return endLink()
      }
    }
  }

  /// The daemon is gone; everything it has sent is done.
  private func endLink() {
    outbox.disconnect(poll)
    // Whoever writes to these will not be told any more.
    for input in inputs.all where input.awaitsProcess {
      identify(StreamProcess(stream: input.stream.id, processID: 0))
    }
    if case .serving = phase {
      phase = .orphaned(sinceNanoseconds: options.monotonicClock())
    }
  }

  // MARK: The door

  /// Takes the daemons that wait there in turn: each one but the last may be dead by now, and what
  /// it has sent still counts.
  func serveDoor() throws(SystemError) {
    for _ in 0..<LoggerDoor.mostWaiting {
      guard let link = door.accept() else { return }
      if outbox.isConnected { takeCommands(atMost: LoggerLoop.mostCommandsLeft) }
      if outbox.isConnected { endLink() }
      guard door.isOpen else { return }
      let streams = inputs.tokens.compactMap { inputs[$0] }
      for input in streams { input.forgetReported() }
      try outbox.connect(link, streams, poll, token: LoggerLoop.linkToken)
      phase = .serving
    }
  }
}
