import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// The end of everything.
@Suite struct ShutdownTests {
  private static let text = """
    [superv]
    shutdown_timeout = 20s
    [supervisor:s]
    strategy = rest_for_one
    children = a, b
    [agent:a]
    command = a
    stopwaitsecs = 1h
    [agent:b]
    command = b
    stopwaitsecs = 1h
    [agent:c]
    command = c
    stopwaitsecs = 1h
    """

  @Test func answersAtOnceAndStopsInOrder() throws {
    let world = try World(Self.text)
    world.advance(.seconds(1))
    let client = world.connect()
    let first = world.kernel.acts.count
    let id = client.request("shutdown")
    let report: ShutdownReport = try client.result(of: id)
    #expect(report.pid == 42)
    world.settle()
    #expect(world.stops(from: first) == [.signal("c", 15), .signal("b", 15), .signal("a", 15)])
    #expect(world.daemon.end == .asked)
    #expect(try world.story.filter { $0 == "daemon.stopping" }.count == 1)
    // The connection stays open: its end is how a client learns that superv is gone.
    #expect(world.kernel.closed.isEmpty)
  }

  @Test func secondRequestKillsWhatIsLeft() throws {
    for second in ["signal", "request"] {
      let world = try World(Self.text) { $0.stubborn = ["a", "b", "c"] }
      world.advance(.seconds(1))
      let first = world.kernel.acts.count
      world.signal(.terminate)
      world.settle()
      #expect(world.stops(from: first) == [.signal("c", 15), .signal("b", 15)])
      #expect(world.daemon.end == nil)
      if second == "signal" {
        world.signal(.interrupt)
      } else {
        world.connect().request("shutdown")
      }
      world.settle()
      #expect(world.daemon.end == .asked)
      #expect(world.kernel.living.isEmpty)
      #expect(
        world.stops(from: first + 4) == [.kill("b"), .kill("c"), .kill("a")]
          || world.stops(from: first + 4) == [.kill("c"), .kill("b"), .kill("a")])
    }
  }

  @Test func timeoutKillsWhatIsLeft() throws {
    let world = try World(Self.text) { $0.stubborn = ["a", "b"] }
    world.advance(.seconds(1))
    world.signal(.terminate)
    world.advance(.milliseconds(19_999))
    #expect(world.daemon.end == nil)
    world.advance(.milliseconds(1))
    #expect(world.daemon.end == .asked)
    #expect(world.kernel.living.isEmpty)
  }

  @Test func nothingStartsDuringTheStop() throws {
    let world = try World(Self.text) { $0.undying = ["a", "b", "c"] }
    world.advance(.seconds(1))
    let starts = world.starts.count
    world.signal(.terminate)
    let client = world.connect()
    client.request("up", #"{"names":["c"]}"#)
    client.request("restart", #"{"names":["s"]}"#)
    #expect(try client.outcome(of: 1) == ["!c stopping"])
    #expect(try client.outcome(of: 2) == ["!s stopping"])
    world.end("a", .exited(code: 1))
    world.end("c", .exited(code: 1))
    world.end("b", .exited(code: 1))
    #expect(world.starts.count == starts)
    #expect(world.daemon.end == .asked)
  }

  @Test func reloadDuringTheStopIsRefused() throws {
    let world = try World(Self.text) { $0.undying = ["a", "b", "c"] }
    world.signal(.terminate)
    world.text.replace(Self.text + "\n[agent:new]\ncommand = new")
    let report: ReloadReport = try world.ask("reload", #"{"plan":false}"#)
    #expect(!report.applied)
    #expect(report.diagnostics.contains { $0.severity == .error && $0.message.contains("stop") })
    world.signal(.hangUp)
    let refusal = try world.events().last { $0.event == "daemon.reload_refused" }
    #expect(refusal?.reason?.contains("stop") == true)
    #expect(!world.starts.contains("new"))
  }

  @Test func stopBeforeAnythingIsUp() throws {
    let world = try World(
      "[agent:a]\ncommand = a\nneeds = b\n[agent:b]\ncommand = b\nautostart = no")
    #expect(world.kernel.living.isEmpty)
    world.signal(.interrupt)
    #expect(world.daemon.end == .asked)
  }
}
