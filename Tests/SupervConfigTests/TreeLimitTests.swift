import SupervConfig
import SupervisionTree
import Testing

/// The keys of `[agent:NAME]` about everything that an agent starts.
@Suite struct TreeLimitTests {
  @Test func noneIsTheDefault() throws {
    let agent = try agent("")
    #expect(agent.treeLimits == TreeLimits() && agent.treeLimits.keys.isEmpty)
    #expect(!agent.detachIsAllowed)
    #expect(try good("[agent:a]\ncommand = a\n").settings.controlGroups == .auto)
  }

  @Test func everyKeyIsRead() throws {
    let agent = try agent(
      """
      memory_high = 192MB
      memory_max = 256MB
      cpu_max = 150%%
      pids_max = 40
      limits = require
      detach_allowed = yes
      """)
    let limits = agent.treeLimits
    #expect(limits.memoryHighBytes == 192 << 20 && limits.memoryMaximumBytes == 256 << 20)
    #expect(limits.processorThousandths == 1500 && limits.taskMaximum == 40)
    #expect(limits.policy == .require && agent.detachIsAllowed)
    #expect(limits.keys.map { limits[$0] } == ["192MB", "256MB", "1.5", "40"])
    #expect(limits.keys.map(\.rawValue) == ["memory_high", "memory_max", "cpu_max", "pids_max"])
  }

  @Test(
    arguments: [
      ("1%%", 10, "0.01"), ("12.5%%", 125, "0.125"), ("50 %%", 500, "0.5"), ("0.5", 500, "0.5"),
      ("1", 1000, "1"), ("1.500", 1500, "1.5"), ("0.015", 15, "0.015"), ("1024", 1_024_000, "1024"),
    ])
  func sharesOfProcessors(text: String, thousandths: Int, shown: String) throws {
    let limits = try agent("cpu_max = \(text)").treeLimits
    #expect(limits.processorThousandths == thousandths)
    #expect(limits[.cpuMax] == shown)
  }

  @Test(arguments: [
    "", "%%", ".5", "1.", "1.%%", "0.0005", "1.25%%", "-1", "+1", "1e3", "1%", "150%%%%", "1 2",
    "９", "0", "0.009", "1025", "1000000000000000000000",
  ])
  func whatIsNoShare(text: String) {
    let found = diagnostics("[agent:a]\ncommand = a\ncpu_max = \(text)\n")
    #expect(found.count == 1, "\(found)")
  }

  @Test func onlyANewProcessTakesThemOver() throws {
    let plain = try agent("").specification.fingerprint
    let changes = [
      "memory_high = 1GB", "memory_max = 1GB", "cpu_max = 1", "pids_max = 9", "limits = require",
      "detach_allowed = yes",
    ]
    var seen: Set<UInt64> = [plain]
    for change in changes {
      let text = "[agent:a]\ncommand = run\n\(change)\n"
      let fingerprint = load(text).configuration?.agents.first?.specification.fingerprint
      #expect(seen.insert(try #require(fingerprint)).inserted, "\(change)")
    }
    #expect(try agent("cpu_max = 1").specification.fingerprint != plain)
    #expect(
      try agent("cpu_max = 100%%").specification.fingerprint
        == agent("cpu_max = 1").specification.fingerprint)
  }

  @Test func whatTheKernelCannotKeepIsSaid() {
    var source = FixedSource()
    source.unkept = [.cpuMax, .memoryMax]
    let text = "[agent:a]\ncommand = a\nmemory_max = 1GB\ncpu_max = 1\npids_max = 9\n"
    let lax = load(text, source: source).diagnostics.map(\.description)
    #expect(lax.count == 1 && lax[0].contains("`cpu_max` has no effect here: no controller"))
    let strict = load(text + "limits = require\n", source: source)
    #expect(strict.configuration != nil)
    #expect(
      strict.diagnostics.map(\.message) == [
        "the kernel cannot keep `memory_max` here: no controller",
        "the kernel cannot keep `cpu_max` here: no controller",
      ])
  }
}
