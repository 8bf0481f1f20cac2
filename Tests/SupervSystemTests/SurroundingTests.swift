import Glibc
import SupervSystem
import Testing

/// What superv finds out about the place it runs in.
@Suite struct MountTableTests {
  static let text = """
    22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
    23 22 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:2 master:1 - proc proc rw,hidepid=2
    24 22 0:22 /docker/a /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate
    25 22 0:23 / /srv/two\\040words\\134x rw,noexec - tmpfs tmpfs rw
    26 22 0:24 / /srv rw - tmpfs tmpfs rw
    27 22 0:25 / /srv ro - overlay overlay rw
    not a line
    """

  @Test("points, kinds and options are read, whatever is optional")
  func parsing() {
    let table = MountTable(parsing: Self.text)
    #expect(table.mounts.count == 6)
    #expect(table.mount(holding: "/proc/self")?.has("hidepid=2") == true)
    #expect(table.first(ofKind: "cgroup2")?.root == "/docker/a")
    #expect(table.mounts[3].point == "/srv/two words\\x")
    #expect(table.mount(holding: "/srv/two words\\x/a")?.has("noexec") == true)
  }

  @Test("a path belongs to the longest mount point, and to the latest of several there")
  func holding() {
    let table = MountTable(parsing: Self.text)
    #expect(table.mount(holding: "/srv/a")?.kind == "overlay")
    #expect(table.mount(holding: "/srvx")?.kind == "ext4")
    #expect(table.mount(holding: "/")?.kind == "ext4")
  }

  @Test("this machine's own table has a root and a /proc")
  func own() {
    #expect(MountTable.current.mount(holding: "/proc/self/stat")?.kind == "proc")
    #expect(MountTable.current.mount(holding: "/") != nil)
  }
}

@Suite struct KernelFeatureTests {
  @Test("process descriptors are there, or superv would not run")
  func processDescriptors() {
    #expect(KernelFeatures.processDescriptors != .none)
    #expect(KernelFeatures.release.first?.isNumber == true)
  }

  @Test("root has capabilities, and access is asked as who we are")
  func rights() throws {
    let isRoot = Processes.ownUser == 0
    #expect(isRoot || !Capabilities.effective.has(.setUser))
    #expect(Capabilities(bits: 1 << 7).has(.setUser))
    #expect(!Capabilities(bits: 1 << 7).has(.setGroup))
    try Files.check([.read, .execute], of: "/bin/sh")
    let scratch = try Scratch()
    let text = try scratch.write("text", "no program")
    try Files.check([.read, .write], of: text)
    #expect(throws: SystemError.self) { try Files.check(.execute, of: text) }
    #expect(throws: SystemError.self) { try Files.check(.read, of: "/nonexistent") }
  }

  @Test("who is not process 1 stops at two signals, and /proc is its own")
  func initRole() {
    #expect(!InitRole.isOurs && InitRole.seesOwnProcesses)
    #expect(InitRole.stopSignals == [.terminate, .interrupt])
    #expect(Signal.initStop.name == "RTMIN+3" && Signal.powerFailure.name == "PWR")
  }
}

@Suite struct MissingDescriptorTests {
  @Test("closed standard descriptors become /dev/null", arguments: ["/dev/null"])
  func closed(null: String) async {
    await #expect(processExitsWith: .success) { [null = null as String] in
      exit(bytesThroughClosedDescriptors(null) == [0, 1] ? 0 : 1)
    }
  }

  @Test("where there is none, they read as empty, and writing fails", arguments: ["/dev/none/null"])
  func closedWithoutNull(null: String) async {
    await #expect(processExitsWith: .success) { [null = null as String] in
      exit(bytesThroughClosedDescriptors(null) == [0, -1] ? 0 : 1)
    }
  }
}

/// What read(2) from 0 and write(2) to 1 return when all three were closed; nothing when another
/// file could still get one of their numbers.
private func bytesThroughClosedDescriptors(_ null: String) -> [Int] {
  guard hasOwnDescriptors() else { return [] }
  for number in Int32(0)...2 { close(number) }
  // As superv does.
  signal(SIGPIPE, SIG_IGN)
  guard (try? Surroundings.openMissingStandardDescriptors(null)) != nil else { return [] }
  var byte: UInt8 = 0
  let results = unsafe [read(0, &byte, 1), write(1, &byte, 1)]
  return unsafe open("/", O_RDONLY) >= 3 ? results : []
}

/// Gives this thread a table of descriptors of its own (unshare(2), which Glibc's module lacks):
/// what others of the process open does not get the numbers that become free here.
private func hasOwnDescriptors() -> Bool {
  typealias Unshare = @convention(c) (Int32) -> Int32
  let cloneFiles: Int32 = 0x400
  guard let symbol = unsafe dlsym(nil, "unshare") else { return false }
  return unsafe unsafeBitCast(symbol, to: Unshare.self)(cloneFiles) == 0
}
