import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// What an agent finds in its environment.
@Suite struct EnvironmentTests {
  private func environment(of world: World, _ number: Int = 0) throws -> [String: String] {
    try #require(world.kernel.launches.indices.contains(number))
    let pairs = world.kernel.launches[number].environment.map { line in
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), String(parts[1]))
    }
    return Dictionary(pairs) { _, _ in
      Issue.record("a name is there twice")
      return ""
    }
  }

  /// Without the sockets, whose place is checked.
  private func ownEnvironment(of world: World) throws -> [String: String] {
    var seen = try environment(of: world)
    for (name, file) in ["SUPERV_SOCKET": "agent.sock", "NOTIFY_SOCKET": "notify.sock"] {
      let path = seen.removeValue(forKey: name) ?? ""
      #expect(path.hasPrefix("/") && path.hasSuffix("/run/\(file)"))
    }
    return seen
  }

  @Test func onlyWhatIsListedIsPassedOn() throws {
    let world = try World(
      "[superv]\npass_environment = LANG, EMPTY, MISSING\n[agent:a]\ncommand = a"
    ) {
      $0.variables = ["LANG": "C", "EMPTY": "", "SECRET": "x", "PATH": "/bin"]
    }
    #expect(
      try ownEnvironment(of: world) == [
        "LANG": "C", "EMPTY": "", "SUPERV_AGENT": "a", "SUPERV_INSTANCE": "0",
        "SUPERV_INCARNATION": "1",
      ])
  }

  @Test func laterSourcesWin() throws {
    let world = try World(
      """
      [superv]
      pass_environment = A, B, C, HOME, USER
      [agent:a]
      command = a
      user = web
      env_file = /etc/a.env
      environment = C=own
      """
    ) {
      $0.variables = ["A": "superv", "B": "superv", "C": "superv", "HOME": "/root", "USER": "root"]
      $0.files["/etc/a.env"] = Array("B=file\nC=file\nUSER=file\n".utf8)
      $0.passwd = "web:x:33:33:,,,:/srv/web:/bin/sh\n"
    }
    #expect(
      try ownEnvironment(of: world) == [
        "A": "superv", "B": "file", "C": "own", "HOME": "/srv/web", "USER": "file",
        "LOGNAME": "web", "SHELL": "/bin/sh", "SUPERV_AGENT": "a", "SUPERV_INSTANCE": "0",
        "SUPERV_INCARNATION": "1",
      ])
  }

  @Test func everyInstanceKnowsItself() throws {
    let world = try World("[agent:w]\ncommand = w\nnumprocs = 2\nenvironment = ID=%(instance)d")
    world.end("w:1")
    let seen = try (0..<3).map { number in
      let all = try environment(of: world, number)
      return ["SUPERV_AGENT", "SUPERV_INSTANCE", "SUPERV_INCARNATION", "ID"].map { all[$0] ?? "" }
    }
    #expect(seen == [["w", "0", "1", "0"], ["w", "1", "1", "1"], ["w", "1", "2", "1"]])
  }

  /// superv's own variables are as they were when it started, or was told to reload.
  @Test func filesAreReadAnewAtEachStart() throws {
    let world = try World(
      "[superv]\npass_environment = LANG\n[agent:a]\ncommand = a\nenv_file = /etc/a.env"
    ) {
      $0.variables["LANG"] = "C"
      $0.files["/etc/a.env"] = Array("KEY=one".utf8)
    }
    world.kernel.files["/etc/a.env"] = Array("KEY=two\nMORE=1\n".utf8)
    world.kernel.variables["LANG"] = "de"
    world.end("a")
    #expect(try environment(of: world)["KEY"] == "one")
    let second = try environment(of: world, 1)
    #expect(second["KEY"] == "two" && second["MORE"] == "1" && second["LANG"] == "C")
  }

  @Test func fileThatCannotBeUsedFailsTheStart() throws {
    let world = try World(
      "[superv]\nintensity = 0\n[agent:a]\ncommand = a\nenv_file = /etc/a.env")
    #expect(
      try world.agent("a").reason?.contains("env_file /etc/a.env: No such file or directory")
        == true)
    let client = world.connect()
    world.kernel.files["/etc/a.env"] = Array("FINE=1\nnot a variable\n".utf8)
    client.request("up", #"{"names":["a"]}"#)
    #expect(try client.outcome(of: 1) == ["!a failed"])
    let reason = try #require(world.agent("a").reason)
    #expect(reason.contains("/etc/a.env:2"))
    // One line: it stands in a table, and secrets stay in their file.
    #expect(!reason.contains("\n") && !reason.contains("not a variable"))
    world.kernel.files["/etc/a.env"] = Array("FINE=1\n".utf8)
    client.request("up", #"{"names":["a"]}"#)
    #expect(try client.outcome(of: 2) == ["a running"])
    #expect(world.kernel.acts == [.start("a")])
  }

  @Test func userThatIsANumberIsLookedUp() throws {
    let world = try World("[agent:a]\ncommand = a\nuser = 33") {
      $0.passwd = "web:x:33:33:,,,:/srv/web:/bin/sh\n"
    }
    #expect(try environment(of: world)["HOME"] == "/srv/web")
  }

  @Test func allOfSupervsOwnIsPassedOnWhereThatIsWanted() throws {
    let world = try World(
      """
      [superv]
      pass_environment = *
      [agent:a]
      command = a
      user = web
      user_environment = no
      """
    ) {
      $0.variables = ["HOME": "/root", "SECRET": "x", "SUPERV_AGENT": "outer"]
      $0.passwd = "web:x:33:33:,,,:/srv/web:/bin/sh\n"
    }
    #expect(
      try ownEnvironment(of: world) == [
        "HOME": "/root", "SECRET": "x", "SUPERV_AGENT": "a", "SUPERV_INSTANCE": "0",
        "SUPERV_INCARNATION": "1",
      ])
  }
}
