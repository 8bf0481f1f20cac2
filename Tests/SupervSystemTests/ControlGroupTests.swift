import SupervSystem
import Testing

@Suite struct ControlGroupTests {
  private static let hybrid = """
    23 1 0:20 / / rw - ext4 /dev/vda rw
    32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw

    """

  @Test(
    arguments: [
      ("/", "/sys/fs/cgroup/unified", ""),
      ("/a/b", "/sys/fs/cgroup/unified/a/b", "/a/b"),
      ("/a/superv-1-2/superv.daemon", "/sys/fs/cgroup/unified/a", "/a"),
      ("/superv-1-2/superv.daemon", "/sys/fs/cgroup/unified", ""),
      ("/superv-1-2/agent-a.0.1", "/sys/fs/cgroup/unified/superv-1-2/agent-a.0.1", nil),
      ("/superv.daemon", "/sys/fs/cgroup/unified/superv.daemon", nil),
    ] as [(String, String, String?)])
  func theGroupOfAProcessIsFoundAmongTheMounts(own: String, path: String, name: String?) throws {
    let home = try ControlGroupHome.find(mounts: Self.hybrid, own: own)
    #expect(home.group.path == path)
    #expect(home.name == name ?? own)
  }

  @Test func aMountOfAPartOfTheHierarchy() throws {
    let mounts = #"41 31 0:38 /box /a\040b rw - cgroup2 none rw"#
    #expect(try ControlGroupHome.find(mounts: mounts, own: "/box/x").group.path == "/a b/x")
    #expect(throws: ControlGroupHome.Missing.self) {
      try ControlGroupHome.find(mounts: mounts, own: "/boxer")
    }
    #expect(throws: ControlGroupHome.Missing.self) {
      try ControlGroupHome.find(mounts: "", own: "/")
    }
  }

  @Test func countersAreReadByTheirWholeName() {
    let text = "low 0\noom 3\noom_kill 2\noom_group_kill 1\n"
    #expect(ControlGroup.counter("oom_kill", of: text) == 2)
    #expect(ControlGroup.counter("kill", of: text) == nil)
  }

  /// A group of the test's own; says aloud where there can be none.
  private static func withGroup(_ body: (ControlGroup) throws -> Void) throws {
    let group: ControlGroup
    do {
      group = try ControlGroupHome.find().group.group(
        "superv-test-\(Processes.ownPid)-\(UInt32.random(in: 0 ... .max))")
    } catch {
      return print("NOT TESTED: control groups, because \(error)")
    }
    try group.make()
    defer {
      try? group.kill()
      #expect(group.remove())
    }
    try body(group)
  }

  private static func sleeper(in group: ControlGroup, old: Bool) throws -> SpawnedProcess {
    let folder = try group.open()
    var request = SpawnRequest(command: ["sleep", "1000"], environment: ["PATH=/usr/bin:/bin"])
    request.controlGroup = folder.number
    request.avoidsNewSystemCalls = old
    return try spawn(request)
  }

  @Test(arguments: [false, true])
  func aProcessIsStartedInAGroupAndDiesWithIt(old: Bool) throws {
    try Self.withGroup { group in
      let inner = group.group("inner")
      try inner.make()
      #expect(group.isPopulated == false && group.canBeKilled)
      let sleeper = try Self.sleeper(in: inner, old: old)
      #expect(group.members == [sleeper.pid] && group.ownMembers.isEmpty)
      #expect(group.isPopulated == true && !group.remove())
      #expect(ControlGroupHome.name(of: "\(sleeper.pid)")?.hasSuffix("/inner") == true)
      try group.kill()
      #expect(try sleeper.pidfd.wait(timeoutMilliseconds: 60_000))
      #expect(try Processes.reap(sleeper.pidfd) == .signalled(number: 9, coreDumped: false))
      #expect(group.isPopulated == false)
    }
  }

  /// Linux kills what is cloned into a group that was killed once, but not what is moved there.
  @Test func aGroupThatWasKilledCanBeMovedTo() throws {
    try Self.withGroup { group in
      let inner = group.group("inner")
      try inner.make()
      try inner.kill()
      let sleeper = try Self.sleeper(in: inner, old: true)
      #expect(inner.ownMembers == [sleeper.pid])
      #expect(try !sleeper.pidfd.wait(timeoutMilliseconds: 20))
      _ = try Processes.send(.kill, to: sleeper.pidfd)
      #expect(try sleeper.pidfd.wait(timeoutMilliseconds: 60_000))
      _ = try Processes.reap(sleeper.pidfd)
    }
  }

  @Test func aGroupThatIsGoneIsSaid() throws {
    try Self.withGroup { group in
      let lost = group.group("lost")
      #expect(lost.isPopulated == nil && lost.remove())
      #expect(throws: SystemError.self) { try lost.kill() }
      try lost.make()
      let error = #expect(throws: SystemError.self) { try lost.make() }
      #expect(error?.isInTheWay == true)
    }
  }
}
