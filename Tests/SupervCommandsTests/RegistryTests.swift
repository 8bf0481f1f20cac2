import Foundation
import SupervCommands
import SupervProtocol
import SupervSystem
import Testing

@Suite struct RegistryTests {
  private let folder: TemporaryFolder
  private let registry: Registry
  private let own: ProcessIdentity

  init() throws {
    folder = try TemporaryFolder()
    registry = Registry(environment: ["XDG_RUNTIME_DIR": folder.path])
    own = try #require(ProcessIdentity.of(Processes.ownPid))
  }

  private func entry(_ process: ProcessIdentity, socket: String = "/s") -> Registry.Entry {
    Registry.Entry(process: process, controlSocket: socket, configuration: "/c.conf")
  }

  private func find() -> Run { run("tree", environment: ["XDG_RUNTIME_DIR": folder.path]) }

  @Test("what is registered is found until it is unregistered")
  func roundTrip() throws {
    #expect(try registry.runningDaemons() == [])
    try registry.register(entry(own))
    #expect(try registry.runningDaemons() == [entry(own)])
    var other = own
    other.startTime += 1
    try registry.unregister(other)
    #expect(try registry.runningDaemons() == [entry(own)])
    try registry.unregister(own)
    try registry.unregister(own)
    #expect(try registry.runningDaemons() == [])
  }

  @Test("dead daemons, reused pids and rubbish are taken off the list")
  func stale() throws {
    var reused = own
    reused.startTime += 1
    try registry.register(entry(reused))
    try registry.register(entry(ProcessIdentity(pid: 2_147_483_000, startTime: 1)))
    _ = try folder.write("superv/77", "rubbish")
    #expect(try registry.runningDaemons() == [])
    #expect(try Files.names(in: registry.directory) == [])
  }

  @Test("without a registry, and with an empty one, there is no daemon")
  func nobody() throws {
    let message = "superv: no daemon is running; superv start FILE starts one\n"
    #expect(find() == Run(status: 3, output: "", errors: message))
    try registry.register(entry(own))
    try registry.unregister(own)
    #expect(find() == Run(status: 3, output: "", errors: message))
  }

  @Test("the only daemon is used")
  func one() throws {
    let daemon = try ScriptedDaemon(in: folder, [[ScriptedDaemon.encoded(sampleStatus)]])
    try registry.register(entry(own, socket: daemon.socketPath))
    #expect(find().status == 0)
  }

  @Test("of several daemons one must be chosen")
  func several() throws {
    let parent = try #require(ProcessIdentity.of(1))
    try registry.register(entry(own, socket: "/one"))
    try registry.register(entry(parent, socket: "/two"))
    let result = find()
    #expect(result.status == 2)
    #expect(result.errors.contains("2 daemons are running; choose one:"))
    #expect(result.errors.contains("--socket /one  (pid \(own.pid), /c.conf)"))
    #expect(result.errors.contains("--socket /two  (pid 1, /c.conf)"))
  }

  @Test("a folder that others could write to is not trusted", arguments: [0o770, 0o707, 0o755])
  func permissions(mode: Int) throws {
    try registry.register(entry(own))
    try Files.setMode(registry.directory, UInt32(mode))
    #expect(throws: SystemError.self) { try registry.runningDaemons() }
    #expect(throws: SystemError.self) { try registry.register(entry(own)) }
    let result = find()
    #expect(result.status == 3)
    #expect(result.errors.contains("cannot be trusted"))
  }

  @Test("a link in place of the folder or of an entry is not followed")
  func links() throws {
    let elsewhere = try TemporaryFolder()
    try Files.makeLink(registry.directory, to: elsewhere.path)
    #expect(throws: SystemError.self) { try registry.runningDaemons() }
    #expect(throws: SystemError.self) { try registry.register(entry(own)) }
    try Files.remove(registry.directory)
    try registry.register(entry(own))
    let path = "\(registry.directory)/\(own.pid)"
    try Files.rename(path, to: "\(elsewhere.path)/entry")
    try Files.makeLink(path, to: "\(elsewhere.path)/entry")
    #expect(try registry.runningDaemons() == [])
  }

  @Test("a path that would break the entry is refused")
  func newline() {
    #expect(throws: SystemError.self) { try registry.register(entry(own, socket: "/a\nb")) }
  }

  @Test("where the registry is")
  func place() {
    #expect(
      Registry(environment: ["XDG_RUNTIME_DIR": "/run/user/7"]).directory == "/run/user/7/superv")
    #expect(Registry(environment: ["XDG_RUNTIME_DIR": "/"]).directory == "/superv")
    let fallback = "/tmp/superv-\(Processes.ownUser)"
    #expect(Registry(environment: ["XDG_RUNTIME_DIR": "relative"]).directory == fallback)
    #expect(Registry(environment: [:]).directory == fallback)
  }
}
