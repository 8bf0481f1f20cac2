import Foundation
import SupervSystem
import Testing

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}

/// curl, promtool and a real Prometheus read what superv serves over HTTP.
@Suite(.aside) struct MetricsTests {
  private static func tree(port: UInt16) -> String {
    """
    [superv]
    http = 127.0.0.1:\(port)

    [supervisor:newsroom]
    children = planner, writer

    \(puppet("planner"))
    \(puppet("writer"))
    [agent:gate]
    command = python3 gate.py
    critical = yes
    readiness = ping
    readiness_interval = 500ms
    readiness_timeout = 500ms
    readiness_failure_threshold = 2
    """
  }

  private static let gate = """
    import superv
    agent = superv.start()
    print("open", flush=True)
    while agent.running(wait=60):
        pass

    """

  private func withTree(_ body: (Superv, UInt16, PuppetStage) throws -> Void) throws {
    let port = try TCPSocket.listen(on: "127.0.0.1", port: 0).localPort()
    try withSuperv(Self.tree(port: port)) { superv in
      let stage = try PuppetStage(superv)
      try superv.write("gate.py", Self.gate)
      try superv.check("cp '\(repositoryFolder)/clients/python/superv.py' .")
      try superv.start()
      try body(superv, port, stage)
    }
  }

  private func get(_ path: String, _ port: UInt16, _ superv: Superv) throws -> (Int, String) {
    let answer = try superv.check("curl -s -w '\\n%{http_code}' http://127.0.0.1:\(port)\(path)")
    let lines = answer.output.split(separator: "\n", omittingEmptySubsequences: false)
    return (try #require(Int(lines.last ?? "")), lines.dropLast().joined(separator: "\n").trimmed)
  }

  /// Freezes and recovers: 503 and back, and nobody is restarted for it.
  @Test func readinessFollowsACriticalAgent() throws {
    try withTree { superv, port, _ in
      try superv.wait(for: "the gate is ready") { $0[agent: "gate"]?.ready == true }
      #expect(try get("/readyz", port, superv).0 == 200)
      #expect(try superv("health").code == 0)
      try superv.send(.stop, to: "gate")
      try superv.wait(for: "the gate is not ready") { $0[agent: "gate"]?.ready == false }
      #expect(try get("/readyz", port, superv) == (503, "critical gate is not ready: running"))
      #expect(try get("/agents/gate/readyz", port, superv).0 == 503)
      #expect(try get("/healthz", port, superv).0 == 503)
      #expect(try get("/livez", port, superv).0 == 200)
      #expect(try superv("health").code == 1)
      #expect(try superv("health", "--live").code == 0)
      try superv.send(.resume, to: "gate")
      try superv.wait(for: "the gate is ready again") { $0[agent: "gate"]?.ready == true }
      #expect(try get("/readyz", port, superv).0 == 200)
      #expect(try superv.status()[agent: "gate"]?.incarnation == 1)
    }
  }

  @Test func promtoolFindsNoFault() throws {
    try withTree { superv, port, stage in
      let planner = try stage.next("planner")
      let writer = try stage.next("writer")
      try writer.serve()
      try planner.call("writer", timeoutMilliseconds: 60_000)
      try writer.answer(try writer.message())
      #expect(try planner.message().result != nil)
      let wanted = [
        #"superv_agent_ready{agent="gate",name="gate"}"#,
        #"superv_calls_total{agent="writer",outcome="ok"} 1"#,
        #"superv_call_duration_seconds_count{agent="writer"} 1"#,
        #"superv_breaker_state{agent="writer",name="writer",state="closed"} 1"#,
        #"superv_agent_threads{agent="gate",name="gate"}"#,
        #"superv_table_entries{table="processes"} 3"#,
        "superv_journal_bytes ",
        #"superv_agent_log_lines_total{agent="gate",name="gate"} 1"#,
        "superv_loop_lag_seconds_bucket",
      ]
      var text = ""
      // The gate says its line in its own time.
      try eventually("every metric is there") {
        text = try get("/metrics", port, superv).1
        return wanted.allSatisfy { text.contains($0) }
      }
      guard let promtool = installed("promtool") else {
        return notTested("metrics by promtool", because: "it is not installed")
      }
      try superv.write("metrics", text + "\n")
      let verdict = try superv.bash("'\(promtool)' check metrics <metrics").end()
      #expect(verdict.code == 0, "\(verdict.output)\(verdict.errors)")
      #expect(verdict.output + verdict.errors == "")
    }
  }

  @Test func prometheusScrapes() throws {
    try withTree { superv, port, _ in
      guard let program = installed("prometheus") else {
        return notTested("a scrape by Prometheus", because: "it is not installed")
      }
      let own = try TCPSocket.listen(on: "127.0.0.1", port: 0).localPort()
      try superv.write(
        "prometheus.yml",
        """
        global: {scrape_interval: 1s}
        scrape_configs:
          - job_name: superv
            static_configs: [{targets: ["127.0.0.1:\(port)"]}]

        """)
      let prometheus = try superv.bash(
        "exec '\(program)' --config.file=prometheus.yml --storage.tsdb.path=tsdb "
          + "--web.listen-address=127.0.0.1:\(own)")
      defer { prometheus.clear() }
      try eventually("Prometheus knows that the gate is ready: \(prometheus.errors)") {
        let query = "http://127.0.0.1:\(own)/api/v1/query?query=superv_agent_ready"
        let answer = try superv.bash("curl -s '\(query)'").end()
        return answer.output.contains(#""name":"gate""#)
          && answer.output.contains(#""agent":"writer""#)
      }
    }
  }
}
