import SupervisordProtocol
import Testing

@Suite struct InformationTests {
  /// What `supervisorctl status` shows of `a` behind the state.
  private func summary(_ world: FakeWorld) -> String {
    var world = world
    var operation = world.begin("supervisor.getProcessInfo", .string("a"))
    guard case .success(let value) = operation.advance(&world) else { return "no answer" }
    return value["description"].map(shown) ?? "no description"
  }

  @Test func aProcessHasAllFieldsInOrder() {
    var world = FakeWorld.small
    world.bring("a", .running)
    world.processes[world.id("a")]?.started = world.now - 3725
    #expect(
      world.answer("supervisor.getProcessInfo", .string("a")) == """
        {name: a, group: a, start: 1795288322, stop: 0, now: 1795292047, state: 20, \
        statename: RUNNING, spawnerr: , exitstatus: 0, logfile: /var/log/a.out, \
        stdout_logfile: /var/log/a.out, stderr_logfile: , pid: 120, \
        description: pid 120, uptime 1:02:05}
        """)
  }

  @Test(
    "an uptime is written as Python does",
    arguments: [
      (0, "0:00:00"), (5, "0:00:05"), (86_399, "23:59:59"), (86_400, "1 day, 0:00:00"),
      (200_000, "2 days, 7:33:20"), (-5, "0:00:00"),
    ])
  func uptime(seconds: Int, text: String) {
    var world = FakeWorld.small
    world.bring("a", .running)
    world.processes[world.id("a")]?.started = world.now - seconds
    #expect(summary(world) == "pid 120, uptime \(text)")
  }

  @Test func anEndIsToldInLocalTime() {
    var world = FakeWorld.small
    #expect(summary(world) == "Not started")
    world.processes[world.id("a")]?.started = 1
    world.bring("a", .exited)
    #expect(summary(world) == "Nov 21 08:14 PM")
    world.localOffset = 4 * 3600
    #expect(summary(world) == "Nov 22 12:14 AM")
    world.localOffset = -8 * 3600
    #expect(summary(world) == "Nov 21 12:14 PM")
  }

  @Test func aFailureTellsItsReason() {
    var world = FakeWorld.small
    for state in [SupervisordState.fatal, .backoff] {
      world.bring("a", state)
      world.processes[world.id("a")]?.spawnError = ""
      #expect(summary(world) == "unknown error (try \"tail a\")")
      world.processes[world.id("a")]?.spawnError = "no such file"
      #expect(summary(world) == "no such file")
    }
    for state in [SupervisordState.starting, .stopping, .unknown] {
      world.bring("a", state)
      #expect(summary(world) == "")
    }
  }

  @Test func numbersFitIntoThirtyTwoBits() {
    var world = FakeWorld.small
    world.now = 1 << 40
    #expect(
      world.answer("supervisor.getProcessInfo", .string("a")).contains("now: 2147483647,"))
  }

  @Test func allProcessesComeByName() {
    var world = FakeWorld.small
    world.add(group: "B", priority: 0, [("z", 1), ("Z", 2)])
    let names = world.answer("supervisor.getAllProcessInfo").split(separator: "{").dropFirst()
      .map { $0.split(separator: ", ").prefix(2).joined(separator: " ") }
    #expect(
      names == [
        "name: Z group: B", "name: z group: B", "name: a group: a", "name: x group: g",
        "name: y group: g",
      ])
  }

  @Test func aConfigurationHasAllFieldsInOrder() {
    var world = FakeWorld.small
    var program = SupervisordProgram(
      id: SupervisordProcessID(group: "g", name: "x"), command: "/bin/cat")
    world.programs = [program]
    #expect(
      world.answer("supervisor.getAllConfigInfo") == """
        [{autostart: true, directory: none, uid: none, command: /bin/cat, exitcodes: [0], \
        group: g, group_prio: 999, inuse: true, killasgroup: false, name: x, process_prio: 999, \
        redirect_stderr: false, startretries: 3, startsecs: 1, stdout_capture_maxbytes: 0, \
        stdout_events_enabled: false, stdout_logfile: auto, stdout_logfile_backups: 10, \
        stdout_logfile_maxbytes: 52428800, stdout_syslog: false, stopsignal: 15, \
        stopwaitsecs: 10, stderr_capture_maxbytes: 0, stderr_events_enabled: false, \
        stderr_logfile: auto, stderr_logfile_backups: 10, stderr_logfile_maxbytes: 52428800, \
        stderr_syslog: false, serverurl: none}]
        """)
    program.id = SupervisordProcessID(group: "new", name: "b")
    program.stdout.file = .path("/l")
    program.stdout.maximumBytes = 1 << 40
    program.stderr.file = .none
    program.userID = 33
    program.directory = "/srv"
    program.serverURL = "http://localhost"
    world.programs.append(program)
    let answer = world.answer("supervisor.getAllConfigInfo")
    #expect(answer.hasPrefix("[{autostart: true, directory: /srv, uid: 33,"))
    for part in [
      "inuse: false", "stdout_logfile: /l,", "stdout_logfile_maxbytes: 2147483647,",
      "stderr_logfile: none,", "serverurl: http://localhost}",
    ] { #expect(answer.contains(part)) }
  }
}
