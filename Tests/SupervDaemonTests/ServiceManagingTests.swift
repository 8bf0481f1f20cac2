import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// What the daemon has said to a service manager, on a clock that a test moves.
@Suite struct ServiceManagingTests {
  private static let manager = ["NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "20000000"]
  private static let text = """
    [agent:a]
    command = a
    [agent:b]
    command = b
    needs = a:ready
    """

  private func ticks(_ world: World) -> Int {
    world.kernel.toldManager.count { $0 == "WATCHDOG=1" }
  }

  @Test func readyComesOnceWhenEverythingIsUp() throws {
    let world = try World(Self.text, manager: Self.manager)
    #expect(world.kernel.toldManager == ["WATCHDOG=1", "STATUS=starting: 2 agents, 1 up"])
    world.advance(.seconds(3))
    let ready = world.kernel.toldManager.filter { $0.hasPrefix("READY=1") }
    #expect(ready.count == 1 && ready[0].contains("STATUS=running: 2 agents, 2 up"))
    #expect(world.kernel.toldManager.last == "STATUS=running: 2 agents, 2 up, 2 ready")
    world.signal(.terminate)
    world.settle()
    #expect(world.kernel.toldManager.count { $0.hasPrefix("STOPPING=1\n") } == 1)
  }

  @Test func theWatchdogIsFedTwiceInItsTimeWhateverHappens() throws {
    let world = try World(Self.text, manager: Self.manager)
    world.advance(.seconds(100))
    #expect(ticks(world) == 11)
    try world.replaceDaemon()
    #expect(ticks(world) == 12)
    #expect(world.kernel.toldManager.count { $0.hasPrefix("READY=1") } == 2)
    world.advance(.seconds(100))
    #expect(ticks(world) == 22)
  }

  @Test func aStatusIsToldAtMostOnceASecond() throws {
    let patient = "[superv]\nintensity = 1000\nbackoff_base = 0s\n"
    let world = try World(patient + Self.text, manager: ["NOTIFY_SOCKET": "@n"])
    world.advance(.seconds(3))
    let before = world.kernel.toldManager.count
    for _ in 0..<100 {
      world.end("a", .exited(code: 1))
      world.advance(.milliseconds(10))
    }
    #expect(world.kernel.toldManager.count - before <= 3)
    #expect(ticks(world) == 0)
  }

  @Test func aReloadHasABeginningAndAnEnd() throws {
    let world = try World(Self.text, manager: Self.manager)
    world.advance(.seconds(3))
    for text in [Self.text + "\n[agent:c]\ncommand = c", "[agent:a]"] {
      let before = world.kernel.toldManager.count
      world.text.replace(text)
      let time = world.kernel.now.nanoseconds / 1000
      world.signal(.hangUp)
      world.settle()
      #expect(
        world.kernel.toldManager.dropFirst(before).prefix(2)
          == ["RELOADING=1\nMONOTONIC_USEC=\(time)", "READY=1"])
    }
  }

  @Test func withoutAManagerNothingIsSaid() throws {
    for manager in [[:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "@"], ["NOTIFY_SOCKET": "n"]] {
      let world = try World(Self.text, manager: manager)
      world.advance(.seconds(3))
      world.signal(.hangUp)
      world.signal(.terminate)
      world.settle()
      #expect(world.kernel.toldManager.isEmpty)
    }
  }
}
