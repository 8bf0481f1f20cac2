import SupervisordProtocol
import Testing

@Suite struct SupervisordRPCTests {
  @Test(
    "what needs no process",
    arguments: [
      ("supervisor.getAPIVersion", "3.0"), ("supervisor.getVersion", "3.0"),
      ("supervisor.getSupervisorVersion", "4.3.0"), ("supervisor.getIdentification", "supervisor"),
      ("supervisor.getPID", "4711"),
      ("supervisor.getState", "{statecode: 1, statename: RUNNING}"),
    ])
  func identity(method: String, answer: String) {
    var world = FakeWorld.small
    #expect(world.answer(method) == answer)
  }

  @Test func unknownMethodsAndWrongCountsAreFaults() {
    var world = FakeWorld.small
    for method in ["getState", "supervisor.nope", "supervisor._update", "a.b.c", "system", ""] {
      #expect(world.answer(method) == "1 UNKNOWN_METHOD")
    }
    #expect(world.answer("supervisor.getState", .int(1)) == "2 INCORRECT_PARAMETERS")
    #expect(world.answer("supervisor.startProcess") == "2 INCORRECT_PARAMETERS")
    #expect(
      world.answer("supervisor.startProcess", .string("a"), .boolean(true), .int(1))
        == "2 INCORRECT_PARAMETERS")
    #expect(world.answer("supervisor.getProcessInfo", .int(5)) == "2 INCORRECT_PARAMETERS")
  }

  @Test func everyFaultHasItsCodeAndName() {
    let all = SupervisordFault.Kind.allCases.map { "\($0.rawValue) \($0.name)" }
    #expect(
      all == [
        "1 UNKNOWN_METHOD", "2 INCORRECT_PARAMETERS", "3 BAD_ARGUMENTS",
        "4 SIGNATURE_UNSUPPORTED", "6 SHUTDOWN_STATE", "10 BAD_NAME", "11 BAD_SIGNAL",
        "20 NO_FILE", "21 NOT_EXECUTABLE", "30 FAILED", "40 ABNORMAL_TERMINATION",
        "50 SPAWN_ERROR", "60 ALREADY_STARTED", "70 NOT_RUNNING", "80 SUCCESS",
        "90 ALREADY_ADDED", "91 STILL_RUNNING", "92 CANT_REREAD",
      ])
  }

  @Test("while it ends, only introspection and events work", arguments: ["shutdown", "restart"])
  func ending(how: String) {
    var world = FakeWorld.small
    #expect(world.answer("supervisor.\(how)") == "true")
    #expect(world.answer("supervisor.getState") == "6 SHUTDOWN_STATE")
    #expect(world.answer("supervisor.getProcessInfo", .string("none")) == "6 SHUTDOWN_STATE")
    #expect(world.answer("supervisor.stopAllProcesses") == "6 SHUTDOWN_STATE")
    #expect(world.answer("system.methodSignature", .string("system.listMethods")) == "[array]")
    #expect(
      world.answer("supervisor.sendRemoteCommEvent", .string("a"), .string("b")) == "true")
    #expect(world.deeds == [how, "event a b"])
  }

  @Test func groupsAreAddedAndRemoved() {
    var world = FakeWorld.small
    world.programs = ["a", "new"].map {
      SupervisordProgram(id: SupervisordProcessID(group: $0, name: $0), command: "/bin/true")
    }
    #expect(world.answer("supervisor.addProcessGroup", .string("a")) == "90 ALREADY_ADDED: a")
    // It is active, and no longer in the file.
    #expect(world.answer("supervisor.addProcessGroup", .string("g")) == "10 BAD_NAME: g")
    #expect(world.answer("supervisor.addProcessGroup", .int(5)) == "10 BAD_NAME: 5")
    #expect(world.answer("supervisor.addProcessGroup", .string("new")) == "true")
    #expect(world.answer("supervisor.removeProcessGroup", .string("b")) == "10 BAD_NAME: b")
    for state in SupervisordState.allCases {
      world.bring("g:x", state)
      #expect(
        world.answer("supervisor.removeProcessGroup", .string("g"))
          == (state.isStopped ? "true" : "91 STILL_RUNNING: g"))
    }
    #expect(Set(world.deeds) == ["add new", "remove g"])
  }

  @Test func aRereadWaitsAndSaysWhatChanged() {
    var world = FakeWorld.small
    var operation = world.begin("supervisor.reloadConfig")
    #expect(operation.advance(&world) == nil)
    world.changes = .success(
      SupervisordChanges(added: ["n", "m"], changed: [], removed: ["g"]))
    #expect(shown(operation.advance(&world)) == "[[[n, m], [], [g]]]")
    world.changes = .failure(SupervisordRereadError("bad section"))
    #expect(shown(operation.advance(&world)) == "[[[n, m], [], [g]]]")
    #expect(world.answer("supervisor.reloadConfig") == "92 CANT_REREAD: bad section")
  }

  @Test func introspectionKnowsEveryMethod() {
    var world = FakeWorld.small
    let methods = world.answer("system.listMethods").dropFirst().dropLast().split(separator: ", ")
    #expect(methods.count == 41)
    #expect(methods == methods.sorted())
    for method in methods {
      let help = world.answer("system.methodHelp", .string(String(method)))
      let types = help.split(separator: "\n").filter { $0.hasPrefix("@") }
        .map { $0.split(separator: " ")[1] }
      let signature = world.answer("system.methodSignature", .string(String(method)))
      #expect(signature == "[\((types.suffix(1) + types.dropLast()).joined(separator: ", "))]")
    }
    #expect(
      world.answer("system.methodSignature", .string("supervisor.startProcess"))
        == "[boolean, string, boolean]")
    #expect(world.answer("system.methodHelp", .string("no.such")) == "4 SIGNATURE_UNSUPPORTED")
    #expect(world.answer("system.methodSignature", .int(1)) == "4 SIGNATURE_UNSUPPORTED")
  }

  @Test func aMulticallGivesBareValuesAndFaults() {
    var world = FakeWorld.small
    func call(_ name: XMLRPCValue, _ parameters: [XMLRPCValue]) -> XMLRPCValue {
      .structure([XMLRPCMember("methodName", name), XMLRPCMember("params", .array(parameters))])
    }
    let answer = world.answer(
      "system.multicall",
      .array([
        call(.string("supervisor.getVersion"), []),
        .structure([XMLRPCMember("methodName", .string("supervisor.getPID"))]),
        call(.string("supervisor.getProcessInfo"), [.string("b")]),
        call(.string("system.multicall"), [.array([])]), .structure([]), .int(3),
        call(.string("nope"), []),
      ]))
    #expect(
      answer == """
        [3.0, 4711, {faultCode: 10, faultString: BAD_NAME: b}, \
        {faultCode: 2, faultString: INCORRECT_PARAMETERS: Recursive system.multicall forbidden}, \
        {faultCode: 2, faultString: INCORRECT_PARAMETERS: No methodName}, \
        {faultCode: 2, faultString: INCORRECT_PARAMETERS: No methodName}, \
        {faultCode: 1, faultString: UNKNOWN_METHOD}]
        """)
    #expect(world.answer("system.multicall", .int(1)) == "2 INCORRECT_PARAMETERS")
    #expect(world.answer("system.multicall", .array([])) == "[]")
  }

  @Test func aMulticallMakesTheNextCallOnlyWhenTheLastIsDone() {
    var world = FakeWorld.small
    let calls = ["a", "g:y"].map { name in
      XMLRPCValue.structure([
        XMLRPCMember("methodName", .string("supervisor.startProcess")),
        XMLRPCMember("params", .array([.string(name)])),
      ])
    }
    var operation = world.begin("system.multicall", .array(calls))
    #expect(operation.advance(&world) == nil)
    #expect(operation.advance(&world) == nil)
    #expect(world.deeds == ["start a"])
    world.bring("a", .running)
    #expect(operation.advance(&world) == nil)
    #expect(world.deeds == ["start a", "start g:y"])
    world.bring("g:y", .exited)
    #expect(
      shown(operation.advance(&world))
        == "[true, {faultCode: 40, faultString: ABNORMAL_TERMINATION: g:y}]")
  }

  @Test func aResultBecomesAResponse() {
    let fault = SupervisordFault(.badName, "<b>")
    #expect(
      SupervisordRPC.response(.failure(fault))
        == XMLRPCEncoding.fault(code: 10, text: "BAD_NAME: <b>"))
    #expect(SupervisordRPC.response(.success(.int(3))) == XMLRPCEncoding.response(.int(3)))
  }
}
