import Foundation
import SupervCommands
import SupervSystem
import Testing

/// `superv doctor`: the shape of its answer, and what a configuration makes of it.
@Suite struct DoctorTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func configuration(_ agents: String) throws -> String {
    try folder.write(
      "supervisor.conf",
      """
      [superv]
      runtime_dir = \(folder.path)/run
      state_dir = \(folder.path)/state

      \(agents)
      """)
  }

  private struct Report: Decodable {
    struct Line: Decodable {
      var name: String
      var state: String
      var found: String
      var advice: String?
    }

    var version: Int
    var ok: Bool
    var checks: [Line]

    subscript(_ name: String) -> Line? { checks.first { $0.name == name } }
  }

  private func doctor(_ words: String...) throws -> (run: Run, report: Report) {
    let run = run(
      words: ["doctor", "--json"] + words,
      environment: ["PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": folder.path])
    return (run, try JSONDecoder().decode(Report.self, from: Data(run.output.utf8)))
  }

  @Test("without a file it looks at the machine alone, and needs no daemon")
  func machine() throws {
    let (run, report) = try doctor()
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect(report.version == 1 && report.ok)
    let names = report.checks.map(\.name)
    #expect(Set(names).count == names.count)
    let expected: Set = [
      "user", "proc", "pidfd", "exit_status", "subreaper", "cgroup", "landlock", "no_new_privs",
      "seccomp", "inotify", "dev_null", "clock", "open_files", "registry",
    ]
    #expect(expected.isSubset(of: names))
    #expect(report["runtime_dir"] == nil)
    let states: Set = ["in_force", "available", "not_available", "missing"]
    #expect(report.checks.allSatisfy { states.contains($0.state) && !$0.found.isEmpty })
  }

  @Test("a configuration that has all it asks for is well")
  func satisfied() throws {
    let path = try configuration("[agent:a]\ncommand = sh -c true\n")
    let (run, report) = try doctor(path)
    #expect(run.status == 0 && report.ok, "\(run.output)")
    for name in ["runtime_dir", "state_dir", "log_dir", "programs"] {
      #expect(report[name]?.state == "in_force", "\(name)")
    }
    #expect(report["users"] == nil && report["limits"] == nil)
  }

  @Test("what a configuration asks for and is not there is missing, and the status says so")
  func missing() throws {
    let path = try configuration(
      """
      [agent:gone]
      command = superv-no-such-program
      [agent:text]
      command = \(try folder.write("text", "no program"))
      [agent:someone]
      command = sh -c true
      user = 54321
      """)
    let (run, report) = try doctor(path)
    #expect(run.status == 1 && !report.ok)
    let programs = try #require(report["programs"])
    #expect(programs.state == "missing" && programs.advice != nil)
    #expect(programs.found.contains("gone: there is no superv-no-such-program"))
    #expect(programs.found.contains("text: access") && programs.found.contains("denied"))
    #expect(report["users"]?.state == (Processes.ownUser == 0 ? "in_force" : "missing"))
  }

  @Test("text for people names what is missing, and never cuts off what to do")
  func text() throws {
    let path = try configuration("[agent:a]\ncommand = superv-no-such-program\n")
    let run = run("doctor", path, style: Style(usesColor: true, width: 40))
    #expect(run.status == 1)
    #expect(run.output.contains("MISSING"))
    #expect(run.output.contains("correct command, directory or PATH"))
    let last = run.output.split(separator: "\n").last
    #expect(last?.hasPrefix("Missing what superv and \(path) need: ") == true)
    #expect(last?.contains("programs") == true)
  }

  @Test("a file with errors is no patient")
  func broken() throws {
    let run = run("doctor", try configuration("[agent:a]\ncomand = x\n"))
    #expect(run.status == 1 && run.output.isEmpty)
    #expect(run.errors.contains("unknown key"))
  }
}
