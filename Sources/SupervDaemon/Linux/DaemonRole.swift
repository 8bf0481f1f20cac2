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
  /// Agents' lines also go to standard output.
  package var mirrorsOutput: Bool
  /// From the keeper; without one the daemon is on its own.
  package var keeperDescriptor: Int32?
  package var lockDescriptor: Int32?
  package var inherited: [InheritedDescriptor] = []
  /// Whether it takes the place of one that has died under the same keeper.
  package var takesOver = false

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
    environment: Surroundings.environment, startedIn: start.workingFolder ?? "/")
  let load: @Sendable () -> ReadConfiguration = {
    ReadConfiguration(start.configurationPath, from: source)
  }
  do {
    let origin = try DaemonOrigin(start, load)
    let house = try DaemonHouse(origin.configuration, start)
    let kernel = try house.makeKernel(start, from: origin.journal)
    hideMemory()
    let options = DaemonOptions(
      configurationPath: start.configurationPath, pid: Processes.ownPid,
      keeperPid: house.keeper == nil ? nil : Processes.parentPid,
      jitterSeed: UInt64(bitPattern: Clock.realTimeNanoseconds), load: load)
    let settings = origin.configuration.settings
    let memory: DaemonMemory
    if let journal = origin.journal {
      memory = journal.memory
    } else {
      var read = try DaemonMemory.read(
        from: settings.stateDirectory, eventFiles: house.eventFiles)
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
    // One that had nothing left to do has died before it could clear up.
    let found = try Self.journal(in: new.settings.runtimeDirectory)
    guard let found, found.tree.finishedEnd == nil else {
      Survivors.kill(agentSocket: new.settings.agentSocket)
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

/// The directories and files that a daemon lives in, held for as long as it runs.
final class DaemonHouse {
  private let settings: DaemonSettings
  private let lock: Descriptor
  private let openFiles: ProcessLimit
  let keeper: KeeperLink?
  private let registry = Registry(environment: Surroundings.environment)

  /// - Throws: `HouseError` when it is somebody else's or cannot be lived in.
  init(_ configuration: Configuration, _ start: DaemonStart) throws(HouseError) {
    settings = configuration.settings
    try Self.make("runtime_dir", settings.runtimeDirectory, mode: 0o700)
    if Self.servesUsers { try Self.letThrough(settings.runtimeDirectory) }
    try Self.make("state_dir", settings.stateDirectory, mode: 0o700)
    try Self.make("log_dir", settings.logDirectory, mode: 0o750)
    lock =
      if let number = start.lockDescriptor {
        Descriptor(owning: number)
      } else {
        try Self.lock(settings.runtimeDirectory)
      }
    do {
      try RuntimeLock.sign(lock)
      var openFiles = try ProcessLimit.raiseOpenFiles()
      if let least = settings.minimumOpenFiles {
        openFiles.soft = max(openFiles.soft, min(openFiles.hard, UInt64(clamping: least)))
      }
      self.openFiles = openFiles
      keeper = try start.keeperDescriptor.map { (number) throws(SystemError) in
        try KeeperLink(Descriptor(owning: number))
      }
    } catch {
      throw HouseError("\(error)")
    }
  }

  /// Only root can start agents as other users; these have to get to their socket. Who they are is
  /// the kernel's word, not the file's mode.
  private static let servesUsers = Processes.ownUser == 0
  private static let agentSocketMode: UInt32 = servesUsers ? 0o666 : 0o600
  /// A thousand agents that start at once do not wait for each other to connect.
  private static let agentBacklog: Int32 = 1024

  /// Makes a folder and sees that it can be written to, while there is somebody to tell.
  private static func make(_ key: String, _ path: String, mode: UInt32) throws(HouseError) {
    do {
      try Files.makeDirectories(path, mode: mode)
      let probe = "\(path)/.superv-\(Processes.ownPid)"
      _ = try Files.open(probe, [.writeOnly, .create, .exclusive], mode: 0o600)
      try Files.remove(probe)
    } catch {
      throw HouseError("\(key) cannot be used: \(error)")
    }
  }

  /// Lets everybody get to the sockets in a folder, and see no names in it.
  private static func letThrough(_ path: String) throws(HouseError) {
    do {
      guard let mode = try Files.status(of: path)?.mode, mode & 0o011 != 0o011 else { return }
      try Files.setMode(path, mode & 0o7777 | 0o011)
    } catch {
      throw HouseError("runtime_dir cannot be used: \(error)")
    }
  }

  private static func lock(_ directory: String) throws(HouseError) -> Descriptor {
    do {
      if let lock = try RuntimeLock.take(in: directory) { return lock }
    } catch {
      throw HouseError("\(error)")
    }
    throw HouseError(RuntimeLock.refusal(in: directory))
  }

  private var controlPath: String { "\(settings.runtimeDirectory)/control.sock" }

  /// Oldest first.
  var eventFiles: [String] {
    let path = "\(settings.logDirectory)/events.ndjson"
    return (0...settings.eventLog.maximumFiles).reversed().map { $0 == 0 ? path : "\(path).\($0)" }
  }

  /// The sockets come from the keeper where it has them: who connects while there is no daemon
  /// waits for the next one, and is not refused.
  func makeKernel(
    _ start: DaemonStart, from journal: JournalContents?
  ) throws(HouseError) -> LinuxKernel {
    do {
      try Processes.becomeSubreaper()
      let inherited = InheritedDescriptors(start.inherited)
      // HTTP first: when its port is taken, no control socket is left behind.
      let http =
        if let given = inherited.take("http") {
          Optional(ListeningSocket(.http, given))
        } else {
          try httpSocket()
        }
      var sockets = http.map { [$0] } ?? []
      let control =
        try inherited.take("control") ?? UnixSocket.listen(at: controlPath, mode: 0o600)
      sockets.append(ListeningSocket(.control, control))
      let agents =
        try inherited.take("agent")
        ?? UnixSocket.listen(
          at: settings.agentSocket, mode: Self.agentSocketMode, backlog: Self.agentBacklog)
      sockets.append(ListeningSocket(.agent, agents))
      let notifications =
        try inherited.take("notify")
        ?? UnixSocket.listen(
          at: settings.notifySocket, kind: .datagrams, mode: Self.agentSocketMode)
      sockets += try SupervisordSockets.open(
        settings.supervisord?.servers ?? [], inherited, try? UserDatabase.ofSystem())
      let kept =
        sockets.map { InheritedDescriptor(name: $0.name, number: $0.number) }
        + [InheritedDescriptor(name: "notify", number: notifications.number)]
      for socket in kept where !start.inherited.contains(where: { $0.name == socket.name }) {
        keeper?.send(KeeperRequest.store(name: socket.name).words, passing: socket.number)
      }
      return try LinuxKernel(
        sockets: sockets, notifySocket: notifications,
        journal: try JournalFile(in: settings.runtimeDirectory),
        keeper: keeper.map { link in
          KeeperWatch(link) { [self] strangers in becomeKeeper(start, kept + strangers) }
        },
        inherited: inherited,
        logs: try LoggerProcess(settings, mirrorsOutput: start.mirrorsOutput),
        trees: try TreeKiller(settings), openFiles: openFiles)
    } catch {
      throw HouseError("\(error)")
    }
  }

  /// The keeper has died. This process takes its place, with its children and its pid; the daemon
  /// that it starts finds everything in the journal.
  ///
  /// - Parameter bequest: what the next daemon needs and cannot open itself.
  private func becomeKeeper(_ start: DaemonStart, _ bequest: [InheritedDescriptor]) {
    // The next daemon has another pid.
    unregister()
    complain("the keeper has died; the daemon (pid \(Processes.ownPid)) takes its place")
    // The next daemon raises it itself, and gives agents what it was before.
    try? openFiles.apply()
    var words = ["superv", "keeper", "--config", start.configurationPath]
    if let folder = start.workingFolder { words += ["--directory", folder] }
    words += ["--runtime-dir", settings.runtimeDirectory, "--lock-fd", "\(lock.number)"]
    if start.mirrorsOutput { words.append("--mirror") }
    words += ["--sockets", bequest.map(\.text).joined(separator: ",")]
    let error = Processes.execute(
      "/proc/self/exe", words, keeping: [lock.number] + bequest.map(\.number))
    complain("it cannot: \(error). It goes on without a keeper")
  }

  private func httpSocket() throws(HouseError) -> ListeningSocket? {
    do {
      switch settings.http {
      case nil: return nil
      case .tcp(let host, let port):
        return ListeningSocket(.http, try TCPSocket.listen(on: host, port: port))
      case .unix(let path):
        return ListeningSocket(.http, try UnixSocket.listen(at: path, mode: 0o600))
      }
    } catch {
      throw HouseError("http cannot be served: \(error)")
    }
  }

  /// Makes the daemon known to this user's commands.
  func register(_ configurationPath: String) {
    writePidFile()
    guard let identity = ProcessIdentity.of(Processes.ownPid) else { return }
    do {
      try registry.register(
        .init(process: identity, controlSocket: controlPath, configuration: configurationPath))
    } catch {
      complain("commands have to name the socket, \(controlPath): \(error)")
    }
  }

  /// supervisord's `pidfile`, with the pid that stays and passes signals on.
  private func writePidFile() {
    guard let path = settings.supervisord?.settings.pidFile else { return }
    do {
      let kind = try Files.status(of: path)?.kind
      guard kind == nil || kind == .regular else { return }
      let pid = keeper == nil ? Processes.ownPid : Processes.parentPid
      try Files.replace(path, with: Array("\(pid)\n".utf8).span, mode: 0o644)
    } catch {
      complain("pidfile cannot be written: \(error)")
    }
  }

  func unregister() {
    guard let identity = ProcessIdentity.of(Processes.ownPid) else { return }
    _ = try? registry.unregister(identity)
  }

  /// Removes what would mislead the next one; the lock goes with the process.
  func close() {
    var paths = [controlPath, settings.agentSocket, settings.notifySocket]
    for case .unix(let path, _, _, _) in settings.supervisord?.servers.map(\.address) ?? [] {
      paths.append(path)
    }
    if let path = settings.supervisord?.settings.pidFile,
      (try? Files.status(of: path))??.kind == .regular
    {
      paths.append(path)
    }
    for path in paths {
      _ = try? Files.remove(path)
    }
  }
}

/// Why a daemon cannot live where its configuration says, for people.
struct HouseError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}
