import SupervSystem
import Testing

/// Limits of whole process trees where the kernel does not keep them.
@Suite(.aside) struct TreeLimitTests {
  /// Takes memory step by step, half of it in a child, and writes down what superv tells it. Its
  /// second life is modest.
  private static let eater = """
    import os, socket, time
    end = socket.socket(socket.AF_UNIX)
    end.connect(os.environ["SUPERV_SOCKET"])
    lines = end.makefile("rb")
    hello = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"ready":true}}'
    end.sendall(hello + b"\\n")
    lines.readline()
    if os.environ["SUPERV_INCARNATION"] != "1":
        time.sleep(1000)
    def eat(megabytes):
        return b"x" * (megabytes << 20)
    if os.fork() == 0:
        os.setsid()
        food = eat(48)
        time.sleep(1000)
    food = eat(32)
    print(lines.readline().decode(), flush=True)
    more = eat(96)
    time.sleep(1000)

    """

  @Test func oneThatEatsIsToldAndThenRestarted() throws {
    try withSuperv(
      """
      [superv]
      cgroups = off
      [agent:eater]
      command = python3 eater.py
      memory_high = 64MB
      memory_max = 128MB
      [agent:modest]
      command = sleep 1000
      memory_high = 64MB
      """
    ) { superv in
      try superv.write("eater.py", Self.eater)
      try superv.start()
      let told = try superv.waitForEvent("it is told") { $0.event == "agent.memory_high" }
      #expect(told.agent == "eater" && told.reason?.hasSuffix("it was told") == true)
      let stop = try superv.waitForEvent("it is stopped") {
        $0.event == "agent.stopping" && $0.agent == "eater"
      }
      #expect(stop.reason?.hasPrefix("memory: it uses ") == true, "\(stop.reason ?? "")")
      #expect(stop.reason?.hasSuffix(" of 128MB (memory_max)") == true, "\(stop.reason ?? "")")
      let status = try superv.wait(for: "eater", incarnation: 2)
      #expect(status[agent: "eater"]?.exit == .init(signal: 9, class: "abnormal"))
      #expect(status[agent: "modest"]?.incarnation == 1)
      #expect(try superv("why", "eater").output.contains("(memory_max)"))
      let log = superv.read("state/logs/eater.log")
      #expect(log.contains(#""method":"memory""#) && log.contains(#""high":67108864"#), "\(log)")
      #expect(status[agent: "eater"]?.limits?.map(\.keptBy) == ["superv", "superv"])
    }
  }

  @Test func oneWithTooManyProcessesIsRestarted() throws {
    try withSuperv(
      """
      [superv]
      cgroups = off
      [agent:busy]
      command = sh -c 'test $SUPERV_INCARNATION = 1 && for i in 1 2 3 4 5 6 7 8; do sleep 1000 & \
      done; exec sleep 1000'
      pids_max = 5
      """
    ) { superv in
      try superv.start()
      let stop = try superv.waitForEvent("it is stopped") { $0.event == "agent.stopping" }
      let reason = stop.reason ?? ""
      #expect(reason.hasPrefix("processes: it has ") && reason.hasSuffix(" of 5 (pids_max)"))
      try superv.wait(for: "busy", incarnation: 2)
      let sleepers = try superv.processesInFolder().filter { $0.command == "sleep" }
      #expect(sleepers.count == 1, "\(sleepers)")
    }
  }

  @Test func aLimitThatIsRequiredAndCannotBeKeptKeepsItFromStarting() throws {
    try withSuperv(
      """
      [superv]
      cgroups = off
      \(healthyAgent)
      [agent:strict]
      command = sleep 1000
      cpu_max = 0.5
      limits = require
      [agent:lax]
      command = sleep 1000
      cpu_max = 0.5
      """
    ) { superv in
      try superv.start()
      let event = try superv.waitForEvent("it is not started") {
        $0.event == "agent.start_failed" && $0.agent == "strict"
      }
      #expect(
        event.reason?.contains(
          "limits = require: the kernel cannot keep cpu_max: `cgroups = off`") == true,
        "\(event.reason ?? "")")
      let status = try superv.status()
      #expect(status[agent: "lax"]?.phase == "running" && status[agent: "strict"]?.pid == nil)
      #expect(status[agent: "lax"]?.limits?.map(\.keptBy) == ["nobody"])
    }
  }
}
