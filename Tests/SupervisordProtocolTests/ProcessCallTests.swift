import SupervisordProtocol
import Testing

@Suite struct ProcessCallTests {
  @Test func aStartWaitsUntilTheProcessRuns() {
    var world = FakeWorld.small
    var operation = world.begin("supervisor.startProcess", .string("g:x"))
    #expect(operation.advance(&world) == nil)
    #expect(!operation.isDone)
    world.bring("g:x", .running)
    #expect(shown(operation.advance(&world)) == "true")
    #expect(operation.isDone)
    // A result stays, whatever comes.
    world.bring("g:x", .exited)
    #expect(shown(operation.advance(&world)) == "true")
    #expect(world.deeds == ["start g:x"])
  }

  @Test func aStartThatNeedNotWaitDoesNot() {
    var world = FakeWorld.small
    #expect(world.answer("supervisor.startProcess", .string("a"), .boolean(false)) == "true")
    #expect(world.answer("supervisor.startProcess", .string("g:x"), .int(0)) == "true")
    world.outcomes[world.id("g:y")] = .running
    #expect(world.answer("supervisor.startProcess", .string("g:y")) == "true")
  }

  @Test func aStartFailsAsItsProcessDoes() {
    var world = FakeWorld.small
    world.outcomes[world.id("a")] = .fails("fork failed")
    #expect(world.answer("supervisor.startProcess", .string("a")) == "50 SPAWN_ERROR: a")
    for (state, fault) in [
      (SupervisordState.exited, "40 ABNORMAL_TERMINATION: g:x"),
      (.fatal, "40 ABNORMAL_TERMINATION: g:x"), (.stopping, "40 ABNORMAL_TERMINATION: g:x"),
    ] {
      world.bring("g:x", .stopped)
      var operation = world.begin("supervisor.startProcess", .string("g:x"))
      #expect(operation.advance(&world) == nil)
      world.bring("g:x", state)
      #expect(shown(operation.advance(&world)) == fault)
    }
    world.bring("g:x", .stopped)
    var operation = world.begin("supervisor.startProcess", .string("g:x"))
    world.processes[world.id("g:x")]?.spawnError = "Exited too quickly"
    #expect(shown(operation.advance(&world)) == "50 SPAWN_ERROR: g:x")
    world.processes[world.id("g:x")] = nil
    world.bring("g:y", .stopped)
    operation = world.begin("supervisor.startProcess", .string("g:y"))
    world.processes[world.id("g:y")] = nil
    #expect(shown(operation.advance(&world)) == "40 ABNORMAL_TERMINATION: g:y")
  }

  @Test func everyStateAnswersToAStartAndAStop() {
    var world = FakeWorld.small
    let answers = SupervisordState.allCases.map { state in
      world.bring("a", state)
      let start = world.answer("supervisor.startProcess", .string("a"), .boolean(false))
      world.bring("a", state)
      let stop = world.answer("supervisor.stopProcess", .string("a"), .boolean(false))
      world.bring("a", state)
      let signal = world.answer("supervisor.signalProcess", .string("a"), .string("HUP"))
      return "\(state.name): \(start); \(stop); \(signal)"
    }
    #expect(
      answers == [
        "STOPPED: true; 70 NOT_RUNNING: a; 70 NOT_RUNNING: a",
        "STARTING: 60 ALREADY_STARTED: a; true; true",
        "RUNNING: 60 ALREADY_STARTED: a; true; true",
        "BACKOFF: 60 ALREADY_STARTED: a; true; 70 NOT_RUNNING: a",
        "STOPPING: true; 70 NOT_RUNNING: a; true",
        "EXITED: true; 70 NOT_RUNNING: a; 70 NOT_RUNNING: a",
        "FATAL: true; 70 NOT_RUNNING: a; 70 NOT_RUNNING: a",
        "UNKNOWN: 30 FAILED: a is in an unknown process state; 70 NOT_RUNNING: a; "
          + "70 NOT_RUNNING: a",
      ])
  }

  @Test func aCommandThatCannotRunIsToldBeforeItIsTried() {
    var world = FakeWorld.small
    let faults: [(SupervisordCommandFault, String)] = [
      (.notFound(path: "/no"), "20 NO_FILE: can't find command '/no'"),
      (.isDirectory(path: "/tmp"), "21 NOT_EXECUTABLE: command at '/tmp' is a directory"),
      (.notExecutable(path: "/a'b"), "21 NOT_EXECUTABLE: command at \"/a'b\" is not executable"),
      (.notPermitted(path: "/x"), "21 NOT_EXECUTABLE: no permission to run command '/x'"),
    ]
    for (fault, text) in faults {
      world.commandFaults[world.id("a")] = fault
      #expect(world.answer("supervisor.startProcess", .string("a")) == text)
    }
    #expect(world.deeds.isEmpty)
  }

  @Test func aStopWaitsUntilTheProcessIsGone() {
    var world = FakeWorld.small
    world.bring("a", .running)
    var operation = world.begin("supervisor.stopProcess", .string("a"))
    #expect(operation.advance(&world) == nil)
    world.bring("a", .stopped)
    #expect(shown(operation.advance(&world)) == "true")
    world.bring("a", .backoff)
    #expect(world.answer("supervisor.stopProcess", .string("a")) == "true")
    world.bring("a", .running)
    world.problems[world.id("a")] = "unknown problem"
    #expect(world.answer("supervisor.stopProcess", .string("a")) == "30 FAILED: unknown problem")
  }

  @Test func namesAreLookedUp() {
    var world = FakeWorld.small
    for name in ["b", "g", "g:b", "a:b", "", ":", "g:x:y"] {
      #expect(world.answer("supervisor.startProcess", .string(name)) == "10 BAD_NAME: \(name)")
      #expect(world.answer("supervisor.stopProcess", .string(name)) == "10 BAD_NAME: \(name)")
      #expect(world.answer("supervisor.getProcessInfo", .string(name)) == "10 BAD_NAME: \(name)")
    }
    #expect(world.answer("supervisor.getProcessInfo", .string("g:*")) == "10 BAD_NAME: g:*")
    #expect(world.answer("supervisor.startProcess", .string("b:*")) == "10 BAD_NAME: b:*")
    #expect(world.answer("supervisor.startProcessGroup", .string("b")) == "10 BAD_NAME: b")
    #expect(world.answer("supervisor.startProcess", .string("a:a"), .boolean(false)) == "true")
  }

  @Test func aGroupIsStartedByPriorityAndReportsAsItGoes() {
    var world = FakeWorld.small
    world.outcomes[world.id("g:x")] = .fails("no")
    var operation = world.begin("supervisor.startProcess", .string("g:*"))
    #expect(operation.advance(&world) == nil)
    #expect(world.deeds == ["start g:y", "start g:x"])
    world.bring("g:y", .running)
    #expect(
      shown(operation.advance(&world)) == """
        [{name: x, group: g, status: 50, description: SPAWN_ERROR: g:x}, \
        {name: y, group: g, status: 80, description: OK}]
        """)
  }

  @Test func allAreStartedByThePriorityOfTheirGroups() {
    var world = FakeWorld.small
    world.bring("g:y", .running)
    #expect(
      world.answer("supervisor.startAllProcesses", .boolean(false)) == """
        [{name: a, group: a, status: 80, description: OK}, \
        {name: x, group: g, status: 80, description: OK}]
        """)
    #expect(world.answer("supervisor.startProcessGroup", .string("g")) == "[]")
  }

  @Test func allAreStoppedInTheOrderInWhichTheyEnd() {
    var world = FakeWorld.small
    for name in ["a", "g:x", "g:y"] { world.bring(name, .running) }
    var operation = world.begin("supervisor.stopAllProcesses")
    #expect(operation.advance(&world) == nil)
    world.bring("g:x", .stopped)
    #expect(operation.advance(&world) == nil)
    world.bring("a", .stopped)
    world.bring("g:y", .stopped)
    let names = shown(operation.advance(&world)).split(separator: "{").dropFirst()
      .map { $0.prefix { $0 != "," } }
    #expect(names == ["name: x", "name: a", "name: y"])
  }

  @Test func whoIsShutDownMeanwhileSaysSo() {
    var world = FakeWorld.small
    var operation = world.begin("supervisor.startProcessGroup", .string("g"))
    world.mood = .shutdown
    #expect(
      shown(operation.advance(&world)) == """
        [{name: y, group: g, status: 6, description: SHUTDOWN_STATE}, \
        {name: x, group: g, status: 6, description: SHUTDOWN_STATE}]
        """)
  }

  @Test(
    "a signal has a name or a number",
    arguments: [
      (XMLRPCValue.string("HUP"), "1"), (.string("SIGusr1"), "10"), (.string(" 15 "), "15"),
      (.int(9), "9"), (.int(0), "0"), (.string("rtmax"), "64"), (.boolean(true), "1"),
      (.string("CLD"), "17"),
    ])
  func signal(value: XMLRPCValue, number: String) {
    var world = FakeWorld.small
    world.bring("a", .running)
    #expect(world.answer("supervisor.signalProcess", .string("a"), value) == "true")
    #expect(world.deeds == ["signal \(number) a"])
  }

  @Test func whatIsNoSignalIsRefused() {
    var world = FakeWorld.small
    for (value, text) in [
      (XMLRPCValue.string("NOPE"), "NOPE"), (.int(35), "35"), (.string("-1"), "-1"),
      (.string(""), ""), (.array([.string("a'"), .boolean(true)]), "[\"a'\", True]"),
      (.nil, "None"),
    ] {
      #expect(
        world.answer("supervisor.signalProcess", .string("a"), value) == "11 BAD_SIGNAL: \(text)")
    }
    world.bring("g:x", .running)
    world.bring("g:y", .stopping)
    #expect(
      world.answer("supervisor.signalProcessGroup", .string("g"), .string("NOPE")) == """
        [{name: y, group: g, status: 11, description: BAD_SIGNAL: NOPE}, \
        {name: x, group: g, status: 11, description: BAD_SIGNAL: NOPE}]
        """)
    world.problems[world.id("g:x")] = "gone"
    #expect(
      world.answer("supervisor.signalAllProcesses", .string("TERM")) == """
        [{name: y, group: g, status: 80, description: OK}, \
        {name: x, group: g, status: 30, description: FAILED: gone}]
        """)
  }

  @Test func inputIsWrittenToWhatRuns() {
    var world = FakeWorld.small
    let method = "supervisor.sendProcessStdin"
    #expect(world.answer(method, .string("a"), .string("ü")) == "70 NOT_RUNNING: a")
    #expect(world.answer(method, .string("none"), .int(5)) == "2 INCORRECT_PARAMETERS: 5")
    #expect(world.answer(method, .string("none"), .string("")) == "10 BAD_NAME: none")
    world.bring("a", .running)
    #expect(world.answer(method, .string("a"), .string("ü")) == "true")
    #expect(world.answer(method, .string("a"), .base64([65, 10])) == "true")
    #expect(world.deeds == ["write ü a", "write A\n a"])
    world.problems[world.id("a")] = "closed"
    #expect(world.answer(method, .string("a"), .string("x")) == "20 NO_FILE: a")
    world.bring("a", .stopping)
    #expect(world.answer(method, .string("a"), .string("x")) == "70 NOT_RUNNING: a")
  }
}
