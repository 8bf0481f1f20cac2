package import SupervConfig
import SupervSystem

/// The directories and files that a daemon lives in, held for as long as it runs.
package final class DaemonHouse {
  private let settings: DaemonSettings
  private let lock: Descriptor
  private let openFiles: ProcessLimit
  let keeper: KeeperLink?
  private let registry = Registry(environment: Surroundings.environment)

  /// - Throws: `HouseError` when it is somebody else's or cannot be lived in.
  package init(_ configuration: Configuration, _ start: DaemonStart) throws(HouseError) {
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
  package func makeKernel(_ start: DaemonStart) throws(HouseError) -> LinuxKernel {
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
      let shared = try SharedSockets(settings.supervisord?.groups ?? [], inherited)
      let kept =
        sockets.map { InheritedDescriptor(name: $0.name, number: $0.number) } + shared.kept
        + [InheritedDescriptor(name: "notify", number: notifications.number)]
      for socket in kept where !start.inherited.contains(where: { $0.name == socket.name }) {
        keeper?.send(KeeperRequest.store(name: socket.name).words, passing: socket.number)
      }
      let trees = try TreeKiller(settings)
      let parts = try KernelParts(
        processes: ProcessTable(openFiles: openFiles, groups: trees.groups, inherited: inherited),
        sharedSockets: shared,
        logs: try LoggerProcess(
          settings, mirrorsOutput: start.mirrorsOutput, executable: start.executable),
        journal: try JournalFile(in: settings.runtimeDirectory),
        keeper: keeper.map { link in
          KeeperWatch(link) { [self] strangers in becomeKeeper(start, kept + strangers) }
        },
        trees: trees, notifySocket: notifications, executable: start.executable)
      return try LinuxKernel(sockets: sockets, parts)
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
package struct HouseError: Error, CustomStringConvertible {
  package var description: String

  init(_ description: String) { self.description = description }
}
