import SupervConfig
import SupervProtocol
package import SupervSystem
import SupervisionTree

// The role `superv daemon`, and the daemon half of `superv run`.

/// What a daemon is started with.
package struct DaemonStart: Hashable, Sendable {
  /// Absolute.
  package var configurationPath: String
  /// Where the journal of an earlier daemon lies; nil: where the configuration says.
  package var runtimeDirectory: String?
  /// Where superv was started; only for supervisord's dialect, whose relative paths begin there.
  package var workingFolder: String?
  /// It runs in the foreground: agents' lines also go to standard output.
  package var mirrorsOutput: Bool
  /// From the keeper; without one the daemon is on its own.
  package var keeperDescriptor: Int32?
  package var lockDescriptor: Int32?
  package var inherited: [InheritedDescriptor] = []
  /// Whether it takes the place of one that has died under the same keeper.
  package var takesOver = false
  /// superv, as it starts its logger and other helpers.
  package var executable = "/proc/self/exe"

  package init(configurationPath: String, mirrorsOutput: Bool) {
    self.configurationPath = configurationPath
    self.mirrorsOutput = mirrorsOutput
  }
}

/// Runs a daemon to the end of its tree: from the journal of one that has died, where there is one,
/// else from its configuration.
///
/// - Parameter announce: told once that the daemon serves (nil), or why it does not.
/// - Returns: the exit status: 0 when it was asked to stop, 1 otherwise.
package func runDaemon(_ start: DaemonStart, announce: (String?) -> Void) -> Int32 {
  let source = SystemConfigurationSource(
    environment: Surroundings.environment, startedIn: start.workingFolder ?? "/",
    isInForeground: start.mirrorsOutput)
  let load: @Sendable () -> ReadConfiguration = {
    ReadConfiguration(start.configurationPath, from: source)
  }
  do {
    let origin = try DaemonOrigin(start, load)
    let house = try DaemonHouse(origin.configuration, start)
    let kernel = try house.makeKernel(start)
    hideMemory()
    var options = DaemonOptions(
      configurationPath: start.configurationPath, pid: Processes.ownPid,
      keeperPid: house.keeper == nil ? nil : Processes.parentPid,
      jitterSeed: UInt64(bitPattern: Clock.realTimeNanoseconds), load: load)
    options.serviceManager = ServiceManager(Surroundings.environment)
    let settings = origin.configuration.settings
    let memory: DaemonMemory
    if let journal = origin.journal {
      memory = journal.memory
    } else {
      var read = try DaemonMemory.read(
        from: settings.stateDirectory, eventFiles: house.eventFiles)
      if let finished = origin.finished,
        let told = Daemon.conclude(finished, kernel: kernel, options: options)
      {
        read = told
      }
      // supervisord starts what starts by itself, whoever stopped it in another life.
      if settings.supervisord != nil { read.stopped = [] }
      memory = read
      try memory.write(to: settings.stateDirectory)
    }
    house.register(start.configurationPath)
    announce(nil)
    if !start.takesOver { house.keeper?.send(KeeperRequest.beginning.words) }

    let daemon = Daemon(
      origin.configuration, of: origin.records, kernel: kernel, options: options, memory: memory,
      recovered: origin.journal)
    guard let end = daemon.run(reloading: origin.isOutOfDate) else {
      if let path = daemon.successor {
        house.keeper?.send(KeeperRequest.execute(path: path).words)
      }
      kernel.handOver()
      house.unregister()
      return 0
    }
    if daemon.beginsAnew {
      kernel.finish()
      house.unregister()
      // Else the next one would find that everything has ended.
      try? Files.remove(JournalFile.path(in: settings.runtimeDirectory))
      house.keeper?.send(KeeperRequest.again.words)
      return 0
    }
    let status: Int32 =
      switch end {
      case .asked: 0
      case .criticalFailed: 1
      }
    house.keeper?.send(KeeperRequest.done(status: status).words)
    kernel.finish()
    house.unregister()
    house.close()
    do {
      try daemon.memory.write(to: settings.stateDirectory)
    } catch {
      complain("what outlives superv could not be written: \(error)")
    }
    if case .criticalFailed(let child, let why) = end {
      complain("stopped: critical \(child) failed: \(why)")
    }
    return status
  } catch {
    announce("\(error)")
    return 1
  }
}

/// Why this superv could not go on with what the journal in a runtime directory says.
package func whyNotToTakeOver(in directory: String) -> String? {
  let path = JournalFile.path(in: directory)
  do {
    let journal = try JournalContents(
      try Files.read(path, maximumBytes: .max), boot: try Processes.boot())
    return journal.loadConfiguration() == nil
      ? "the configuration that runs has errors for this superv" : nil
  } catch {
    return "\(path): \(error)"
  }
}

/// Where a daemon begins: at a configuration, or where another one has ended.
private struct DaemonOrigin {
  let configuration: Configuration
  let records: [RecordedConfiguration]
  private(set) var journal: JournalContents?
  /// Of a daemon that had nothing left to do, and has died before it could clear up.
  private(set) var finished: JournalContents?
  /// The files say something else than what runs.
  private(set) var isOutOfDate = false

  init(_ start: DaemonStart, _ load: () -> ReadConfiguration) throws(HouseError) {
    // Under the keeper of the one before, what it had read counts, whatever the files say now.
    if start.takesOver, let directory = start.runtimeDirectory,
      let found = try Self.journal(in: directory)
    {
      (configuration, records, journal) = (
        try Self.configuration(of: found), found.configurations, found
      )
      return
    }
    let read = load()
    guard let new = read.loaded.configuration else {
      throw HouseError(read.loaded.diagnostics.map(\.description).joined(separator: "\n"))
    }
    let found = try Self.journal(in: new.settings.runtimeDirectory)
    guard let found, found.tree.finishedEnd == nil else {
      Survivors.kill(agentSocket: new.settings.agentSocket)
      finished = found
      (configuration, records) = (new, [read.record])
      return
    }
    (configuration, records, journal) = (
      try Self.configuration(of: found), found.configurations, found
    )
    isOutOfDate = found.configurations.last != read.record
  }

  private static func journal(in directory: String) throws(HouseError) -> JournalContents? {
    let path = JournalFile.path(in: directory)
    do {
      // An empty one is of a daemon that has died before it could begin.
      guard let size = try Files.status(of: path)?.size, size > 0 else { return nil }
      let bytes = try Files.read(path, maximumBytes: .max)
      return try JournalContents(bytes, boot: try Processes.boot())
    } catch let fault as JournalFault {
      switch fault {
      case .otherBoot: return nil
      case .damaged:
        complain("\(path) cannot be used: \(fault); what runs of an earlier superv is killed")
        return nil
      case .version, .otherTree:
        throw HouseError(
          "\(path) cannot be used: \(fault). Stop what runs with that superv, or go on with it")
      }
    } catch {
      throw HouseError("\(path): \(error)")
    }
  }

  private static func configuration(
    of journal: JournalContents
  ) throws(HouseError) -> Configuration {
    if let configuration = journal.loadConfiguration() { return configuration }
    throw HouseError("this superv cannot read the configuration that an earlier one had accepted")
  }
}
