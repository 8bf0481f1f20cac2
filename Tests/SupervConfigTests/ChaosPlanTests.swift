import Foundation
import SupervConfig
import Testing

@Suite struct ChaosPlanTests {
  @Test func everyKeyIsRead() throws {
    let plan = try #require(
      load(
        """
        [chaos]
        duration = 10m
        rate = 5
        recovery_max = 3s
        agents = a, pair
        swarm = no
        swarm_period = 10s
        own_ends = any
        mark_rate = 0
        [fault:agent_kill]
        weight = 0
        [fault:delay_answers]
        delay = 1s
        lasts = 4s
        agents = b
        [fault:disk_full]
        size = 1GB
        [fault:clock_step]
        step = 1d
        [fault:flood]
        lines = 7
        [fault:no_descriptors]
        spare = 3
        [call:a]
        method = echo
        params = {"x":1}
        rate = 50
        timeout = 100ms
        """
      ).plan)
    #expect(plan.duration == .seconds(600) && plan.rate == 5 && !plan.isSwarm)
    #expect(plan.recoveryMaximum == .seconds(3) && plan.swarmPeriod == .seconds(10))
    #expect(plan.agents == ["a", "pair"] && plan.ownEnds == .any && plan.markRate == 0)
    #expect(plan[.agentKill].weight == 0)
    #expect(plan[.delayAnswers].span == .seconds(1) && plan[.delayAnswers].lasts == .seconds(4))
    #expect(plan[.delayAnswers].agents == ["b"])
    #expect(plan[.diskFull].bytes == 1 << 30 && plan[.clockStep].span == .seconds(86_400))
    #expect(plan[.flood].lines == 7 && plan[.noDescriptors].spare == 3)
    let call = try #require(plan.calls.first)
    #expect(call.agent == "a" && call.method == "echo" && call.params == #"{"x":1}"#)
    #expect(call.rate == 50 && call.timeout == .milliseconds(100))
    // What it does not name is as without a plan.
    #expect(plan[.daemonKill] == ChaosPlan()[.daemonKill])
  }

  @Test func anEmptyPlanIsTheDefault() throws {
    #expect(try #require(load("").plan) == ChaosPlan())
  }

  @Test(arguments: [
    ("[chaos]\nrate = 0\n", "2:8: error: `0` is out of range: 1 to 6000"),
    ("[fault:kill]\n", "1:2: error: there is no fault `kill`"),
    ("[fault:agent_kill]\nlasts = 1s\n", "2:1: error: unknown key `lasts`"),
    ("[call:a]\n", "1:2: error: [call:a] has no method"),
    ("[chaos]\nagents = zz\n", "2:10: error: there is no agent or supervisor `zz`"),
    ("[chaos]\n[chaos]\n", "2:2: error: [chaos] is already in line 1"),
    ("[superv]\n", "1:2: error: unknown section [superv]"),
    ("weight = 1\n", "1:1: error: text before the first section"),
  ])
  func whatIsWrongIsSaidWithItsPlace(text: String, complaint: String) {
    let loaded = load(text)
    #expect(loaded.plan == nil)
    #expect(
      loaded.diagnostics.first?.description.contains("plan.conf:\(complaint)") == true,
      "\(loaded.diagnostics)")
  }

  @Test func somethingHasToHappen() {
    let none = FaultKind.allCases.map { "[fault:\($0.rawValue)]\nweight = 0\n" }.joined()
    #expect(load(none).diagnostics.map(\.message) == ["every fault has weight 0"])
  }

  @Test func thePageHasTheTablesOfTheCode() throws {
    let page = testFolder.appending(path: "../../docs/chaos.md").standardizedFileURL
    var text = try String(contentsOf: page, encoding: .utf8)
    for section in chaosPlanReference {
      let start = "<!-- keys: \(section.header) -->\n"
      let from = try #require(text.range(of: start), "no table of \(section.header)")
      let to = try #require(text.range(of: "<!-- end -->", range: from.upperBound..<text.endIndex))
      text.replaceSubrange(
        from.upperBound..<to.lowerBound, with: section.markdownTable + "\n")
    }
    try compare(text, with: page)
  }

  @Test func theSamplePlanIsGood() throws {
    let path = testFolder.appending(path: "../../examples/pipeline/chaos.plan.conf")
      .standardizedFileURL
    let text = try String(contentsOf: path, encoding: .utf8)
    #expect(load(text, known: nil).diagnostics.isEmpty)
  }

  private func load(_ text: String, known: [String]? = ["a", "b", "pair"]) -> LoadedChaosPlan {
    loadChaosPlan(
      "/etc/plan.conf", from: FixedSource(text, at: "/etc/plan.conf"), known: known,
      shownFrom: "/etc")
  }
}
