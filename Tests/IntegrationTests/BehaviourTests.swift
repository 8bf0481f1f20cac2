import Foundation
import SupervSystem
import Testing

/// Agents that behave as agents do at three in the morning, and what superv makes of each: the
/// table of docs/health.md, with real Python processes and their own client.
@Suite(.aside) struct BehaviourTests {
  /// What is to come of an agent.
  private enum Verdict {
    /// It keeps its first incarnation.
    case none
    /// It is restarted, no sooner than so long after it began to misbehave, with this reason.
    case restart(afterSeconds: Double, reason: String)
    /// It is told of, once, and keeps its first incarnation.
    case stuck(afterSeconds: Double)
    /// It becomes ready, no sooner than so long after its start.
    case ready(afterSeconds: Double)
  }

  private struct Behaviour {
    var name: String
    var keys: String
    var verdict: Verdict

    var keepsIncarnation: Bool {
      switch verdict {
      case .restart: false
      case .none, .stuck, .ready: true
      }
    }
  }

  /// n = 3, i = 1 s, t = 2 s: a probe that hangs comes every 2 s, and the third one is over after
  /// 6 s at the earliest.
  private static let times = """
    liveness_interval = 1s
    liveness_timeout = 2s
    liveness_failure_threshold = 3
    """
  private static let ping = "liveness = ping\n" + times
  private static let unanswered = Verdict.restart(
    afterSeconds: 6, reason: "liveness failed 3 times: no answer within 2s")

  private static func behaviours(port: UInt16) -> [Behaviour] {
    [
      Behaviour(name: "operation", keys: ping, verdict: .none),
      Behaviour(name: "deadlock", keys: ping, verdict: unanswered),
      Behaviour(name: "busy", keys: ping, verdict: unanswered),
      Behaviour(name: "frozen", keys: ping, verdict: unanswered),
      // A thread that sends heartbeats answers for itself alone.
      Behaviour(name: "thread", keys: ping, verdict: unanswered),
      Behaviour(
        name: "repeat", keys: ping + "\nprogress_timeout = 3s",
        verdict: .stuck(afterSeconds: 3)),
      Behaviour(
        name: "slow",
        keys: """
          startup = unix:slow.sock
          startup_interval = 1s
          startup_failure_threshold = 30
          """,
        verdict: .ready(afterSeconds: 2)),
      Behaviour(name: "silent", keys: ping, verdict: .none),
      Behaviour(name: "pause", keys: ping, verdict: .none),
      Behaviour(name: "held", keys: ping, verdict: .none),
      Behaviour(
        name: "command", keys: "liveness = exec:sleep 1000\n" + times, verdict: unanswered),
      Behaviour(
        name: "halfopen", keys: "liveness = http:\(port)/health\n" + times, verdict: unanswered),
      Behaviour(
        name: "watchdog", keys: "liveness = watchdog:3s",
        verdict: .restart(afterSeconds: 3, reason: "liveness failed: no WATCHDOG=1")),
    ]
  }

  @Test func eachMisbehaviourHasItsVerdict() throws {
    let port = try freePort()
    let behaviours = Self.behaviours(port: port)
    let sections = behaviours.map {
      """
      [agent:\($0.name)]
      command = python3 behave.py \($0.name) \(port)
      \($0.keys)

      """
    }
    try withSuperv(sections.joined()) { superv in
      try superv.write("behave.py", Self.program)
      try superv.check("cp '\(repositoryFolder)/clients/python/superv.py' .")
      try superv.start()
      #expect(try superv("hold", "held").code == 0)
      // What failed before it has answered once would count as well.
      try eventually("halfopen has answered") {
        try superv.status()[agent: "halfopen"]?.probes?.first?.state == "passing"
      }
      try superv.write("go", "")
      for behaviour in behaviours { try expect(behaviour, of: superv) }
      // Everybody else has had as much time by now.
      let status = try superv.status()
      for case let behaviour in behaviours where behaviour.keepsIncarnation {
        #expect(status[agent: behaviour.name]?.incarnation == 1, "\(behaviour.name)")
      }
      #expect(status[agent: "silent"]?.ready == true)
      // Held no longer, the deadlock counts.
      #expect(try superv("hold", "--off", "held").code == 0)
      try superv.wait(for: "held", incarnation: 2)
    }
  }

  private func expect(_ behaviour: Behaviour, of superv: Superv) throws {
    let name = behaviour.name
    switch behaviour.verdict {
    case .none: break
    case .restart(let seconds, let reason):
      let event = try superv.waitForEvent("\(name) is stopped") {
        $0.event == "agent.stopping" && $0.agent == name
      }
      #expect(event.reason?.contains(reason) == true, "\(name): \(event.reason ?? "")")
      try expect(event, seconds, afterBeginningOf: name, in: superv)
      let exit = try superv.waitForEvent("\(name) has ended") {
        $0.event == "agent.exited" && $0.agent == name
      }
      #expect(exit.exit?.class == "abnormal", "\(name)")
    case .stuck(let seconds):
      let event = try superv.waitForEvent("\(name) is stuck") {
        $0.event == "agent.stuck" && $0.agent == name
      }
      try expect(event, seconds, afterBeginningOf: name, in: superv)
    case .ready(let seconds):
      let event = try superv.waitForEvent("\(name) is ready") {
        $0.event == "agent.ready" && $0.agent == name
      }
      try expect(event, seconds, afterBeginningOf: name, in: superv)
    }
  }

  /// Not sooner: a verdict before its time would be one of chance. How much later is printed.
  private func expect(
    _ event: Event, _ seconds: Double, afterBeginningOf name: String, in superv: Superv
  ) throws {
    let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let began: Double
    if name == "command" {
      // Its probe fails from the start, whatever the agent does.
      let start = try superv.waitForEvent("\(name) is started") {
        $0.event == "agent.started" && $0.agent == name
      }
      began = try format.parse(start.time).timeIntervalSince1970
    } else {
      began = try #require(Double(superv.read("began-\(name)")), "\(name) has begun")
    }
    let took = try format.parse(event.time).timeIntervalSince1970 - began
    #expect(took >= seconds - 0.01, "\(name) after \(took) s")
    print(
      "\(name): \(event.event) after \((took * 100).rounded() / 100) s, not before \(seconds) s")
  }

  private func freePort() throws -> UInt16 {
    try TCPSocket.listen(on: "127.0.0.1", port: 0).localPort()
  }

  /// Each behaves well until the file `go` is there, and in later incarnations for ever.
  private static let program = """
    import os, signal, socket, sys, threading, time
    import superv

    name, port = sys.argv[1], int(sys.argv[2])
    first = os.environ["SUPERV_INCARNATION"] == "1"

    def began():
        with open(f"began-{name}.new", "w") as file:
            file.write(repr(time.time()))
        os.rename(f"began-{name}.new", f"began-{name}")

    def forever(act=lambda: time.sleep(1000)):
        while True:
            act()

    if name == "silent":
        forever()
    if name == "slow":
        began()
        time.sleep(2)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("slow.sock")
        listener.listen()
        forever()
    if name == "halfopen":
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        while not os.path.exists("go") or not first:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
            connection.close()
        began()
        forever()
    if name == "watchdog":
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.connect(os.environ["NOTIFY_SOCKET"])
        while True:
            # One keep-alive has to come before the silence: without any there is no watchdog.
            is_last = first and os.path.exists("go")
            if first:
                began()
            notify.send(b"WATCHDOG=1")
            if is_last:
                forever()
            time.sleep(0.1)
    if name == "command":
        forever()

    agent = superv.start()
    while agent.running(wait=0.1):
        if not first or not os.path.exists("go"):
            continue
        began()
        if name == "operation":
            with agent.op("think", expected=30):
                time.sleep(9)
            first = False
        elif name in ("deadlock", "held"):
            lock = threading.Lock()
            lock.acquire()
            lock.acquire()
        elif name == "busy":
            forever(lambda: None)
        elif name == "frozen":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif name == "thread":
            beat = lambda: (agent.heartbeat("alive"), time.sleep(0.2))
            threading.Thread(target=forever, args=(beat,), daemon=True).start()
            forever()
        elif name == "repeat":
            while agent.running(wait=0.2):
                agent.heartbeat("step 7")
        elif name == "pause":
            time.sleep(1.5)
            first = False

    """
}
