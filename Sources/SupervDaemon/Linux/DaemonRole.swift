import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

// The role `superv daemon`, and the daemon half of `superv run`.

/// Runs a daemon from its configuration to the end of its tree.
///
/// - Parameters:
///   - configurationPath: absolute.
///   - announce: told once that the daemon serves (nil), or why it does not.
///   - mirrorsOutput: agents' lines also go to standard output.
/// - Returns: the exit status: 0 when it was asked to stop, 1 otherwise.
package func runDaemon(
  configurationPath: String, mirrorsOutput: Bool, announce: (String?) -> Void
) -> Int32 {
  let source = SystemConfigurationSource(environment: Surroundings.environment)
  let load: @Sendable () -> LoadedConfiguration = {
    loadConfiguration(configurationPath, from: source)
  }
  let loaded = load()
  guard let configuration = loaded.configuration else {
    announce(loaded.diagnostics.map(\.description).joined(separator: "\n"))
    return 1
  }
  do {
    let house = try DaemonHouse(configuration)
    let kernel = try house.makeKernel(mirrorsOutput: mirrorsOutput)
    let options = DaemonOptions(
      configurationPath: configurationPath, pid: Processes.ownPid,
      jitterSeed: UInt64(bitPattern: Clock.realTimeNanoseconds), load: load)
    let memory = try DaemonMemory.read(
      from: configuration.settings.stateDirectory, eventFiles: house.eventFiles)
    try memory.write(to: configuration.settings.stateDirectory)
    let registration = house.register(configurationPath)
    announce(nil)

    let daemon = Daemon(configuration, kernel: kernel, options: options, memory: memory)
    let end = daemon.run()
    kernel.finish()
    registration()
    house.close()
    do {
      try daemon.memory.write(to: configuration.settings.stateDirectory)
    } catch {
      complain("what outlives superv could not be written: \(error)")
    }
    switch end {
    case .asked: return 0
    case .criticalFailed(let child, let why):
      complain("stopped: critical \(child) failed: \(why)")
      return 1
    }
  } catch {
    announce("\(error)")
    return 1
  }
}

/// To standard error, which is `daemon.log` in the background.
func complain(_ text: String) {
  StandardError.write("superv: \(text)\n")
}

/// The directories and files that a daemon lives in, held for as long as it runs.
final class DaemonHouse {
  private let settings: DaemonSettings
  private let lock: Descriptor
  private let openFiles: ProcessLimit

  /// - Throws: `HouseError` when it is somebody else's or cannot be lived in.
  init(_ configuration: Configuration) throws(HouseError) {
    settings = configuration.settings
    try Self.make("runtime_dir", settings.runtimeDirectory, mode: 0o700)
    if Self.servesUsers { try Self.letThrough(settings.runtimeDirectory) }
    try Self.make("state_dir", settings.stateDirectory, mode: 0o700)
    try Self.make("log_dir", settings.logDirectory, mode: 0o750)
    lock = try Self.lock("\(settings.runtimeDirectory)/superv.lock")
    do {
      openFiles = try ProcessLimit.raiseOpenFiles()
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

  private static func lock(_ path: String) throws(HouseError) -> Descriptor {
    do {
      let file = try Files.open(path, [.readWrite, .create, .noFollow], mode: 0o600)
      guard try file.lock() else {
        let holder = ((try? Files.readText(path)) ?? "").filter { $0.isNumber }
        throw HouseError("superv already runs here, with pid \(holder)")
      }
      try file.truncate(toBytes: 0)
      try file.writeAll("\(Processes.ownPid)\n")
      return file
    } catch let error as HouseError {
      throw error
    } catch {
      throw HouseError("\(error)")
    }
  }

  private var controlPath: String { "\(settings.runtimeDirectory)/control.sock" }

  /// Oldest first.
  var eventFiles: [String] {
    let path = "\(settings.logDirectory)/events.ndjson"
    return (0...settings.eventLog.maximumFiles).reversed().map { $0 == 0 ? path : "\(path).\($0)" }
  }

  func makeKernel(mirrorsOutput: Bool) throws(HouseError) -> LinuxKernel {
    do {
      try Processes.becomeSubreaper()
      // HTTP first: when its port is taken, no control socket is left behind.
      var sockets = try httpSocket().map { [$0] } ?? []
      let control = try UnixSocket.listen(at: controlPath, mode: 0o600)
      sockets.append(ListeningSocket(.control, control))
      let agents = try UnixSocket.listen(
        at: settings.agentSocket, mode: Self.agentSocketMode, backlog: Self.agentBacklog)
      sockets.append(ListeningSocket(.agent, agents))
      let notifications = try UnixSocket.listen(
        at: settings.notifySocket, kind: .datagrams, mode: Self.agentSocketMode)
      return try LinuxKernel(
        sockets: sockets, notifySocket: notifications,
        logs: try LoggerProcess(settings, mirrorsOutput: mirrorsOutput),
        trees: try TreeKiller(settings), openFiles: openFiles)
    } catch {
      throw HouseError("\(error)")
    }
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
  ///
  /// - Returns: what takes it off the list again.
  func register(_ configurationPath: String) -> () -> Void {
    let registry = Registry(environment: Surroundings.environment)
    guard let identity = ProcessIdentity.of(Processes.ownPid) else { return {} }
    do {
      try registry.register(
        .init(process: identity, controlSocket: controlPath, configuration: configurationPath))
    } catch {
      complain("commands have to name the socket, \(controlPath): \(error)")
    }
    return { _ = try? registry.unregister(identity) }
  }

  /// Removes what would mislead the next one; the lock goes with the process.
  func close() {
    for path in [controlPath, settings.agentSocket, settings.notifySocket] {
      _ = try? Files.remove(path)
    }
  }
}

/// Why a daemon cannot live where its configuration says, for people.
struct HouseError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}
