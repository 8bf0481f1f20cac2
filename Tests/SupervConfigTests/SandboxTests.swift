import SupervConfig
import SupervisionTree
import Testing

/// The keys of `[agent:NAME]` about what it is kept from.
@Suite struct SandboxTests {
  @Test func agentsAreKeptFromEachOtherByDefault() throws {
    let sandbox = try agent("").sandbox
    #expect(sandbox == SandboxSettings())
    #expect(sandbox.policy == .bestEffort && sandbox.forbidsNewPrivileges)
    #expect(sandbox.read == nil && sandbox.write == nil && sandbox.connect == nil)
    #expect(try !agent("sandbox = off").sandbox.forbidsNewPrivileges)
    #expect(try agent("sandbox = off\nno_new_privs = yes").sandbox.forbidsNewPrivileges)
    #expect(try !agent("no_new_privs = no").sandbox.forbidsNewPrivileges)
  }

  @Test func everyKeyIsRead() throws {
    let sandbox = try agent(
      """
      sandbox = require
      sandbox.read = /etc, main.conf
      sandbox.write =
      sandbox.connect = 443, 8000-8010
      capabilities = CAP_NET_BIND_SERVICE, kill
      oom_score_adj = -5
      """
    ).sandbox
    #expect(sandbox.policy == .require)
    #expect(sandbox.read == ["/etc", "/etc/superv/main.conf"] && sandbox.write == [])
    #expect(sandbox.connect == PortRanges([443...443, 8000...8010]))
    #expect(sandbox.capabilities == [.netBindService, .kill])
    #expect(Capability.bits(sandbox.capabilities ?? []) == 1 << 10 | 1 << 5)
    #expect(sandbox.outOfMemoryScore == -5)
    #expect(try agent("capabilities =").sandbox.capabilities == [])
    #expect(try agent("sandbox.connect =").sandbox.connect?.count == 0)
  }

  @Test func portsThatAreNamedTwiceCountOnce() throws {
    let ports = try agent("sandbox.connect = 80, 10-20, 15-30, 30, 80").sandbox.connect
    #expect(ports?.text == "10-30, 80" && ports?.count == 22)
    #expect(PortRanges([1...65535]).count == 65535)
  }

  @Test(arguments: [
    ("sandbox = on", "`on` is none of off, best_effort, require"),
    ("sandbox.connect = 0", "`0` is no port"), ("sandbox.connect = 65536", "`65536` is no port"),
    ("sandbox.connect = 9-8", "`9-8` is no port"), ("sandbox.connect = https", "`https` is no"),
    ("sandbox.connect = 1-2000", "2000 ports are too many"),
    ("sandbox.write = ~/x", "`~` stands for no folder here"),
    ("capabilities = net_bind_servcie", "is no capability"),
    ("oom_score_adj = 1001", "out of range: -1000 to 1000"),
    ("sandbox.wirte = /tmp", "sandbox.wirte"),
  ])
  func mistakesAreNamed(line: String, complaint: String) {
    let found = diagnostics("[agent:a]\ncommand = a\n\(line)\n")
    #expect(found.count == 1 && found[0].contains(complaint), "\(found)")
  }

  @Test func aWrongNameGetsAHint() {
    let found = load("[agent:a]\ncommand = a\ncapabilities = net_bind_servcie\n").diagnostics
    #expect(found.first?.hint == "did you mean `net_bind_service`?")
  }

  @Test func whatHasNoEffectIsSaid() {
    let off = load("[agent:a]\ncommand = a\nsandbox = off\nsandbox.connect = 1\n").diagnostics
    #expect(off.map(\.message) == ["`sandbox.connect` has no effect with `sandbox = off`"])
    let missing = load("[agent:a]\ncommand = a\nsandbox.write = /etc, /gone\n").diagnostics
    #expect(missing.map(\.message) == ["`/gone` in `sandbox.write` does not exist"])
    var source = FixedSource()
    source.sandboxProblems = ["there is no Landlock"]
    #expect(load("[agent:a]\ncommand = a\n", source: source).diagnostics.isEmpty)
    let strict = load("[agent:a]\ncommand = a\nsandbox = require\n", source: source)
    #expect(strict.configuration != nil)
    #expect(
      strict.diagnostics.map(\.message) == [
        "the kernel cannot enforce the sandbox here: there is no Landlock"
      ])
  }

  @Test func onlyANewProcessTakesThemOver() throws {
    let changes = [
      "", "sandbox = off", "sandbox = require", "no_new_privs = no", "no_new_privs = yes",
      "capabilities =", "capabilities = kill", "sandbox.read = /etc", "sandbox.write = /etc",
      "sandbox.write = /etc, /srv", "sandbox.connect =", "sandbox.connect = 1", "oom_score_adj = 1",
    ]
    let fingerprints = try changes.map { try agent($0).specification.fingerprint }
    #expect(Set(fingerprints).count == changes.count)
    #expect(try agent("sandbox = best_effort").specification.fingerprint == fingerprints[0])
  }
}
