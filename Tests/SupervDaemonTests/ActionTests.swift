import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// `up`, `down`, `restart` and `signal` over the control socket.
@Suite struct ActionTests {
  private static let group = """
    [supervisor:s]
    strategy = one_for_all
    intensity = 1
    backoff_base = 0
    children = a, b
    [agent:a]
    command = a
    [agent:b]
    command = b
    [agent:w]
    command = w
    numprocs = 3
    """

  @Test func downAnswersWhenItIsGone() throws {
    let world = try World(Self.group) { $0.undying = ["a"] }
    let client = world.connect()
    let id = client.request("down", #"{"names":["a"]}"#)
    #expect(client.answers.isEmpty)
    #expect(try world.agent("a").phase == "stopping")
    world.end("a", .exited(code: 0))
    #expect(try client.outcome(of: id) == ["a stopped"])
    #expect(try world.agent("a").desired == .down)
    #expect(try world.agent("b").phase == "running")
  }

  @Test func upStartsWhatWasStopped() throws {
    let world = try World(Self.group)
    let client = world.connect()
    client.request("down", #"{"names":["a","w:1"]}"#)
    world.settle()
    #expect(try client.outcome(of: 1) == ["a stopped", "w:1 stopped"])
    client.request("up", #"{"names":["w:1","a"]}"#)
    world.settle()
    #expect(try client.outcome(of: 2) == ["w:1 running", "a running"])
    #expect(try world.agent("a").incarnation == 2)
  }

  @Test func restartAnswersWithTheNextIncarnation() throws {
    let world = try World(Self.group)
    let client = world.connect()
    let old = world.pid(of: "b")
    let id = client.request("restart", #"{"names":["b"]}"#)
    #expect(client.answers[id] == nil)
    world.settle()
    #expect(try client.outcome(of: id) == ["b running"])
    #expect(world.pid(of: "b") != nil && world.pid(of: "b") != old)
    #expect(try world.agent("b").restarts == 0)
  }

  @Test func failedStartIsTheAnswer() throws {
    let world = try World("[agent:a]\ncommand = a\nautostart = no") {
      $0.failingStarts["a"] = [1: "exec a: No such file or directory"]
    }
    let client = world.connect()
    let report: ActionReport = try {
      let id = client.request("up", #"{"names":["a"]}"#)
      return try client.result(of: id)
    }()
    #expect(report.results.first?.ok == false)
    #expect(report.results.first?.phase == "failed")
    #expect(report.results.first?.reason?.contains("No such file") == true)
    client.request("up", #"{"names":["a"]}"#)
    #expect(try client.outcome(of: 2) == ["a running"])
  }

  @Test func baseNameMeansAllInstances() throws {
    let world = try World(Self.group)
    let client = world.connect()
    client.request("restart", #"{"names":["w","w:1"]}"#)
    world.settle()
    #expect(try client.outcome(of: 1) == ["w:0 running", "w:1 running", "w:2 running"])
    let why = client.request("why", #"{"name":"w"}"#)
    #expect(client.failure(of: why)?.message.contains("w:0, w:1, w:2") == true)
    let one: WhyReport = try world.ask("why", #"{"name":"w:1"}"#)
    #expect(one.name == "w:1")
  }

  @Test func supervisorGoesDownAndUpWithItsChildren() throws {
    let world = try World(Self.group)
    let client = world.connect()
    client.request("down", #"{"names":["s"]}"#)
    world.settle()
    #expect(try client.outcome(of: 1) == ["s stopped"])
    #expect(world.pid(of: "a") == nil && world.pid(of: "b") == nil)
    // A child of it cannot be had alone.
    client.request("up", #"{"names":["a","w:0"]}"#)
    #expect(try client.outcome(of: 2) == ["!a stopped", "w:0 running"])
    let report: ActionReport = try client.result(of: 2)
    #expect(report.results[0].reason?.contains("superv up s") == true)
    client.request("up", #"{"names":["s"]}"#)
    world.settle()
    #expect(try client.outcome(of: 3) == ["s running"])
    #expect(world.pid(of: "a") != nil && world.pid(of: "b") != nil)
  }

  @Test func unknownNameDoesNothingAndNamesTheNearest() throws {
    let world = try World("[agent:crawler]\ncommand = a\n[agent:writer]\ncommand = b")
    let client = world.connect()
    for method in ["up", "down", "restart"] {
      let id = client.request(method, #"{"names":["crawler","writr"]}"#)
      let error = try #require(client.failure(of: id))
      #expect(error.kind == .noSuchAgent && error.code == -32602)
      #expect(error.message.contains("did you mean 'writer'?"))
    }
    client.request("signal", #"{"names":["crawler","writr"],"signal":"TERM"}"#)
    #expect(client.failure(of: 4)?.kind == .noSuchAgent)
    client.request("status", #"{"agent":"root"}"#)
    #expect(client.failure(of: 5)?.kind == .noSuchAgent)
    #expect(world.kernel.acts == [.start("crawler"), .start("writer")])
  }

  @Test func methodsAndParamsAreChecked() throws {
    let world = try World("[agent:a]\ncommand = a")
    let client = world.connect()
    client.request("statu")
    #expect(client.failure(of: 1)?.message.contains("did you mean 'status'?") == true)
    #expect(client.failure(of: 1)?.code == RPCError.methodNotFoundCode)
    let wrong = [
      ("up", "{}"), ("up", #"{"names":[]}"#), ("up", #"{"names":"a"}"#), ("up", #"[["a"]]"#),
      ("signal", #"{"names":["a"]}"#), ("signal", #"{"names":["a"],"signal":"NOPE"}"#),
      ("signal", #"{"names":["a"],"signal":0}"#), ("signal", #"{"names":["a"],"signal":65}"#),
      ("signal", #"{"names":[],"signal":"HUP"}"#), ("status", #"{"wait":"sometimes"}"#),
      ("why", "{}"), ("events", #"{"since":"1"}"#), ("events", #"{"since":1e300}"#),
      ("reload", #"{"plan":1}"#), ("logs", #"{"names":"a"}"#),
    ]
    for (method, params) in wrong {
      let id = client.request(method, params)
      #expect(
        client.failure(of: id)?.code == RPCError.invalidParametersCode, "\(method) \(params)")
    }
    #expect(world.kernel.acts == [.start("a")])
  }

  @Test func signalReachesThoseWithAProcessOnce() throws {
    let world = try World(Self.group) { $0.stubborn = ["a", "b", "w:0", "w:1", "w:2"] }
    let client = world.connect()
    let first = world.kernel.acts.count
    client.request("signal", #"{"names":["s","a","w:2"],"signal":"SIGHUP"}"#)
    #expect(try client.outcome(of: 1) == ["w:2", "a", "b"])
    #expect(
      Array(world.kernel.acts[first...])
        == [.signal("w:2", 1), .signal("a", 1), .signal("b", 1)])
    client.request("signal", #"{"names":["w:2"],"signal":10}"#)
    #expect(world.kernel.acts.last == .signal("w:2", 10))
    let report: ActionReport = try client.result(of: 2)
    #expect(report.results.first?.reason?.contains("SIGUSR1") == true)
    #expect(try world.story.last == "control.signal w:2")
  }

  @Test func signalSaysWhereThereIsNoProcess() throws {
    let world = try World("[agent:a]\ncommand = a\nautostart = no")
    let client = world.connect()
    client.request("signal", #"{"names":["a"],"signal":"usr1"}"#)
    #expect(try client.outcome(of: 1) == ["!a"])
    #expect(world.kernel.acts.isEmpty)
  }

  @Test func laterWishAnswersTheEarlierOne() throws {
    let world = try World("[agent:a]\ncommand = a") { $0.undying = ["a"] }
    let client = world.connect()
    client.request("down", #"{"names":["a"]}"#)
    #expect(client.answers.isEmpty)
    client.request("up", #"{"names":["a"]}"#)
    #expect(try client.outcome(of: 1) == ["!a stopping"])
    #expect(client.answers[2] == nil)
    world.kernel.undying = []
    world.end("a", .exited(code: 0))
    #expect(try client.outcome(of: 2) == ["a running"])
    #expect(client.doubleAnswers.isEmpty)
  }

  /// A request about a child whose supervisor gives up is answered, not left to wait for ever.
  @Test func requestEndsWithItsSupervisor() throws {
    let world = try World(Self.group) { $0.undying = ["a"] }
    let client = world.connect()
    world.end("b")
    let id = client.request("restart", #"{"names":["a"]}"#)
    #expect(client.answers[id] == nil)
    world.kernel.undying = []
    world.kernel.failingStarts["a"] = [0: "gone"]
    world.end("a")
    world.advance(.seconds(600))
    #expect(try world.status().supervisors.first?.phase == "failed")
    #expect(try client.outcome(of: id).count == 1)
    #expect(try client.outcome(of: id).allSatisfy { $0.hasPrefix("!") })
  }

  /// What waits for a free supervisor is not answered with the failure before it.
  @Test func upOfAFailedChildWaitsForItsTurn() throws {
    let world = try World(
      """
      [supervisor:s]
      strategy = rest_for_one
      children = a, b
      [agent:a]
      command = a
      [agent:b]
      command = b
      restart = temporary
      """
    ) { $0.undying = ["a"] }
    world.advance(.seconds(1))
    world.kernel.failingStarts["b"] = [2: "no memory"]
    let client = world.connect()
    client.request("restart", #"{"names":["b"]}"#)
    world.settle()
    #expect(try client.outcome(of: 1) == ["!b failed"])
    client.request("restart", #"{"names":["a"]}"#)
    client.request("up", #"{"names":["b"]}"#)
    #expect(client.answers[3] == nil)
    world.kernel.undying = []
    world.end("a", .exited(code: 0))
    world.advance(.seconds(2))
    #expect(try client.outcome(of: 2) == ["a running"])
    #expect(try client.outcome(of: 3) == ["b running"])
  }

  @Test func shutdownAnswersWhatWaits() throws {
    let world = try World(
      """
      [agent:a]
      command = a
      needs = b:done
      [agent:b]
      command = b
      restart = transient
      [agent:c]
      command = c
      """
    ) { $0.undying = ["b", "c"] }
    let client = world.connect()
    client.request("up", #"{"names":["a"]}"#)
    client.request("down", #"{"names":["b"]}"#)
    client.request("restart", #"{"names":["c"]}"#)
    client.request("status", #"{"wait":"ready"}"#)
    #expect(client.answers.isEmpty)
    world.signal(.terminate)
    world.kernel.undying = []
    world.end("b")
    world.end("c")
    #expect(world.daemon.end == .asked)
    #expect(client.unanswered == [])
    #expect(try client.outcome(of: 1) == ["!a stopped"])
    #expect(try client.outcome(of: 2) == ["b stopped"])
    #expect(try client.outcome(of: 3).allSatisfy { $0.hasPrefix("!c") })
  }

  @Test func onlySixtyFourRequestsWaitOnAConnection() throws {
    let world = try World("[agent:a]\ncommand = a\n[agent:b]\ncommand = b") {
      $0.undying = ["a"]
    }
    let client = world.connect()
    for _ in 1...64 { client.request("down", #"{"names":["a"]}"#) }
    let pid = world.pid(of: "b")
    let extra = client.request("restart", #"{"names":["b"]}"#)
    #expect(client.failure(of: extra)?.kind == .overloaded)
    world.settle()
    // Refused means that nothing is done.
    #expect(world.pid(of: "b") == pid)
    // Others are not concerned, and what needs no waiting is answered.
    let health: HealthReport = try world.ask("health")
    #expect(health.live)
    world.end("a", .exited(code: 0))
    #expect(client.unanswered == [])
    client.request("restart", #"{"names":["b"]}"#)
    world.settle()
    #expect(try client.outcome(of: 66) == ["b running"])
  }

  @Test func whoAskedIsInTheEventLog() throws {
    let world = try World("[agent:a]\ncommand = a")
    let client = world.connect(process: 4711)
    client.request("down", #"{"names":["a"]}"#)
    let line = try #require(
      world.kernel.eventLines.first { line in
        String(decoding: line, as: UTF8.self).contains("control.down")
      })
    #expect(String(decoding: line, as: UTF8.self).contains(#""by":{"pid":4711,"uid":1000}"#))
  }
}
