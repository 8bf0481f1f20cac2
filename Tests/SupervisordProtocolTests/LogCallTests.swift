import SupervisordProtocol
import Testing

@Suite struct LogCallTests {
  private var world: FakeWorld {
    var world = FakeWorld.small
    world.logs[.main] = Array("0123456789".utf8)
    world.logs[.stdout(world.id("a"))] = Array("hällo\u{1B}".utf8)
    return world
  }

  @Test(
    "a part of a log",
    arguments: [
      (0, 0, "0123456789"), (3, 0, "3456789"), (3, 4, "3456"), (8, 100, "89"), (50, 3, ""),
      (-3, 0, "789"), (-100, 0, "0123456789"), (-3, 1, "3 BAD_ARGUMENTS"),
      (3, -1, "3 BAD_ARGUMENTS"), (0, -1, "3 BAD_ARGUMENTS"), (.min, 0, "0123456789"),
    ])
  func part(offset: Int, length: Int, answer: String) {
    var world = world
    for method in ["readLog", "readMainLog"] {
      #expect(world.answer("supervisor.\(method)", .int(offset), .int(length)) == answer)
    }
  }

  @Test func aLogThatIsNotThere() {
    var world = world
    for method in ["readProcessLog", "readProcessStdoutLog"] {
      #expect(
        world.answer("supervisor.\(method)", .string("g:x"), .int(0), .int(-5))
          == "20 NO_FILE: /var/log/x.out")
      #expect(
        world.answer("supervisor.\(method)", .string("b"), .int(0), .int(0)) == "10 BAD_NAME: b")
    }
    #expect(
      world.answer("supervisor.readProcessStderrLog", .string("a"), .int(0), .int(0))
        == "20 NO_FILE")
    world.mainLogPath = nil
    #expect(world.answer("supervisor.readLog", .int(0), .int(0)) == "20 NO_FILE")
    #expect(world.answer("supervisor.clearLog") == "20 NO_FILE")
  }

  @Test func aLogMayTakeItsTimeOrBreak() {
    var world = world
    world.logsAreSlow = true
    var operation = world.begin("supervisor.readLog", .int(0), .int(2))
    #expect(operation.advance(&world) == nil)
    world.logsAreSlow = false
    #expect(shown(operation.advance(&world)) == "01")
    world.logsAreBroken = true
    #expect(world.answer("supervisor.readLog", .int(0), .int(2)) == "30 FAILED")
    #expect(
      world.answer("supervisor.tailProcessLog", .string("a"), .int(7), .int(2))
        == "[, 7, false]")
    #expect(world.answer("supervisor.clearLog") == "30 FAILED")
    #expect(world.answer("supervisor.clearProcessLogs", .string("a")) == "30 FAILED: a")
  }

  @Test func offsetsAreWhatPythonTakesForNumbers() {
    var world = world
    #expect(world.answer("supervisor.readLog", .string(" 8 "), .double(1.9)) == "8")
    #expect(world.answer("supervisor.readLog", .string("x"), .int(1)) == "2 INCORRECT_PARAMETERS")
    #expect(
      world.answer("supervisor.readLog", .double(.infinity), .int(1)) == "2 INCORRECT_PARAMETERS")
  }

  /// The expected values are those of supervisord's `tailFile` on ten bytes.
  @Test(
    "a tail",
    arguments: [
      (0, 3, "[789, 10, true]"), (0, 10, "[0123456789, 10, false]"), (5, 5, "[56789, 10, false]"),
      (5, 100, "[0123456789, 10, false]"), (10, 5, "[, 10, false]"), (50, 5, "[, 10, false]"),
      (0, 0, "[, 10, true]"), (10, 0, "[, 10, false]"), (-5, 10, "[0123456789, 10, true]"),
      (0, -5, "[, 10, true]"), (20, -5, "[, 10, false]"), (.max, .max, "[, 10, false]"),
    ])
  func tail(offset: Int, length: Int, answer: String) {
    var world = world
    world.logs[.stdout(world.id("a"))] = Array("0123456789".utf8)
    for method in ["tailProcessLog", "tailProcessStdoutLog"] {
      let found = world.answer(
        "supervisor.\(method)", .string("a"), .int(offset), .int(length))
      #expect(found == answer)
    }
    let none = world.answer(
      "supervisor.tailProcessStderrLog", .string("a"), .int(offset), .int(length))
    #expect(none == "[, 0, false]")
  }

  @Test func aTextCutWithinACharacterIsStillText() {
    var world = world
    let cut = world.answer("supervisor.readProcessLog", .string("a"), .int(-5), .int(0))
    #expect(cut == "\u{FFFD}llo\u{1B}")
  }

  @Test func logsAreCleared() {
    var world = world
    #expect(world.answer("supervisor.clearLog") == "true")
    #expect(world.logs[.main] == [])
    world.logs[.main] = nil
    #expect(world.answer("supervisor.clearLog") == "20 NO_FILE")
    #expect(world.answer("supervisor.clearProcessLog", .string("a")) == "true")
    #expect(world.answer("supervisor.clearProcessLogs", .string("g:*")) == "10 BAD_NAME: g:*")
    #expect(
      world.answer("supervisor.clearAllProcessLogs") == """
        [{name: a, group: a, status: 80, description: OK}, \
        {name: y, group: g, status: 80, description: OK}, \
        {name: x, group: g, status: 80, description: OK}]
        """)
  }
}
