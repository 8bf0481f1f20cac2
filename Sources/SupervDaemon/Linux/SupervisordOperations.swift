package import SupervSystem
import SupervisionTree

// What programs of supervisord's need of the machine beside what agents do: outputs that the daemon
// reads, an input that it writes to, files that it reads and logs that it clears.

extension LinuxKernel {
  // MARK: Outputs

  /// For a process that is going to be started; `identify` or `forget` has to follow.
  func openTaps(_ launch: Launch, _ pipes: LogPipes) throws(LaunchError) {
    do {
      for channel in launch.taps {
        let pipe =
          switch channel {
          case .stdout: pipes.output
          case .stderr: pipes.errors
          }
        try parts.taps.open(channel, launch.place(of: channel, launch.origin), pipe, poll)
      }
    } catch {
      parts.taps.forget(launch.key, poll)
      throw LaunchError("\(error)")
    }
  }

  /// Reads on where a daemon before has ended. A pipe that cannot be opened again is told as a
  /// fault of its log file.
  func adoptTaps(_ launch: Launch, of process: ProcessFacts, _ origin: LogOrigin) {
    for channel in launch.taps {
      let place = launch.place(of: channel, origin)
      do {
        if let pipe = try pipe(of: channel, process) {
          try parts.taps.open(channel, place, pipe, poll)
        }
      } catch {
        parts.logs.fault(origin, place.file, "\(error)")
      }
    }
  }

  private func pipe(
    of channel: OutputChannel, _ process: ProcessFacts
  ) throws(SystemError) -> LogPipe? {
    let index =
      switch channel {
      case .stdout: 0
      case .stderr: 1
      }
    if process.outputInodes.count == 2 {
      return try .reopened(inode: process.outputInodes[index], of: process.pid)
    }
    // Its daemon died before it could write down more than the pid.
    guard let end = try parts.processes.openPipe(Int32(index + 1), of: process.key, .readOnly)
    else {
      return nil
    }
    return LogPipe(reader: end)
  }

  package func writeOutput(_ bytes: [UInt8], of process: ProcessKey, _ channel: OutputChannel) {
    guard let place = parts.taps.place(of: process, channel) else { return }
    if parts.logs.writeOutput(bytes, channel, to: place, poll) {
      parts.taps.pause(process, channel, now, poll)
    }
  }

  // MARK: Input

  package func writeInput(_ bytes: [UInt8], to process: ProcessKey) -> Bool {
    guard parts.processes.isRunning(process) else { return false }
    return parts.inputs.write(bytes, to: process, poll) {
      do {
        return try parts.processes.openPipe(0, of: process, .writeOnly)
      } catch {
        return nil
      }
    }
  }

  // MARK: Files

  package func readFile(_ id: FileReadID, _ path: String, _ part: FilePart) {
    parts.reader.read(id, path, part, now, poll)
  }

  package func clearLog(_ path: String) { parts.logs.clear(path) }

  package func updateLog(_ settings: LogFileSettings) {
    parts.logs.update(settings)
    parts.taps.update(settings)
  }
}

extension Launch {
  fileprivate func place(of channel: OutputChannel, _ origin: LogOrigin) -> AgentLogPlace {
    let file =
      switch channel {
      case .stdout: log
      case .stderr: errorLog ?? log
      }
    return AgentLogPlace(process: key, origin: origin, file: file)
  }
}
