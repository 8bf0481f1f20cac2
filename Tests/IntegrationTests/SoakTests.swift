import Foundation
import SupervSystem
import Testing

/// `superv soak` with a real tree, for moments.
@Suite(.aside) struct SoakTests {
  /// soak.json, as far as it is promised.
  private struct Report: Decodable {
    struct Done: Decodable {
      var restarts: Double
      var calls: Double
      var failedCalls: Double
      var lines: Double
      var droppedLines: Double
    }

    struct Result: Decodable {
      var name: String
      var unit: String
      var verdict: String
    }

    var ok: Bool
    var seconds: Double
    var points: Int
    var done: Done
    var results: [Result]
  }

  @Test("a few seconds give a whole report, and nothing is left running")
  func wholeReport() throws {
    try withSuperv(sleepers("unused")) { superv in
      let answer = try superv(
        "soak", "--for", "5s", "--agents", "9", "--restarts", "5/s", "--calls", "50/s", "--lines",
        "600/m", "--probes", "10", "--report", "out")
      #expect(answer.code == 0, "\(answer.errors)")
      #expect(answer.output.contains("too short to say") && answer.output.contains("out/soak.md"))

      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let report = try decoder.decode(Report.self, from: Data(superv.read("out/soak.json").utf8))
      #expect(report.ok && report.seconds >= 5 && report.points > 1)
      #expect(report.done.restarts > 0 && report.done.calls > 0 && report.done.lines > 0)
      #expect(report.done.failedCalls == 0 && report.done.droppedLines == 0)
      let names = Set(report.results.map(\.name))
      for process in ["keeper", "daemon", "logger"] { #expect(names.contains("\(process) memory")) }
      #expect(names.isSuperset(of: ["timers", "processes", "connections", "calls", "journal"]))
      #expect(report.results.allSatisfy { $0.verdict == "unknown" })

      let text = superv.read("out/soak.md")
      #expect(text.contains("![Each quantity over time](soak.svg)"))
      #expect(report.results.allSatisfy { text.contains("| \($0.name) |") })
      #expect(superv.read("out/soak.svg").ranges(of: "<polyline").count == names.count)
      try superv.check("python3 -c 'import xml.dom.minidom as x; x.parse(\"out/soak.svg\")'")
      try expectNothingLeft(superv)
    }
  }

  @Test("an interrupted soak reports what there is, and leaves nothing behind either")
  func interrupted() throws {
    try withSuperv(sleepers("unused")) { superv in
      let soak = try superv.launch(["soak", "--for", "1h", "--report", "out", "--lines", "0"])
      let pid = "\(soak.pid)"
      try eventually("its agents run") {
        try ProcessRecord.all().contains { Self.runs($0, inSoak: pid) }
      }
      try soak.send(.interrupt)
      #expect(try soak.end().code == 0)
      #expect(superv.read("out/soak.md").contains("too short to say"))
      #expect(try !ProcessRecord.all().contains { Self.belongs($0, toSoak: pid) })
      try expectNothingLeft(superv)
    }
  }

  @Test("a soak that is killed takes its tree along")
  func killed() throws {
    try withSuperv(sleepers("unused")) { superv in
      let soak = try superv.launch(["soak", "--for", "1h", "--report", "out", "--lines", "0"])
      let pid = "\(soak.pid)"
      try eventually("its guard runs") {
        try ProcessRecord.all().contains { Self.runs($0, inSoak: pid, as: "guard") }
      }
      try soak.send(.kill)
      _ = try soak.end()
      try eventually("its tree has gone") {
        try !ProcessRecord.all().contains { Self.belongs($0, toSoak: pid) }
      }
      // Its folder is all that nobody is left to remove.
      try superv.check("rm -r /tmp/superv-soak-\(pid)-*")
    }
  }

  @Test(
    "what is wrong on the command line is said, and nothing is started",
    arguments: [
      (["--for", "soon"], "--for: 'soon' is not a duration"),
      (["--for", "0s"], "--for: '0s' is not a duration"),
      (["--agents", "3"], "--agents: '3' is not a number from 7 to 1000"),
      (["--restarts", "10/d"], "--restarts: '10/d' is not a rate"),
      (["--calls", "-1"], "--calls: '-1' is not a rate"),
      (["--lines", "1/s/s"], "--lines: '1/s/s' is not a rate"),
      (["tree.conf"], "one word too many"),
    ]) func usage(words: [String], message: String) throws
  {
    try withSuperv(sleepers("unused")) { superv in
      let answer = try superv.launch(["soak"] + words).end()
      #expect(answer.code == 2 && answer.errors.contains(message), "\(answer.errors)")
      #expect(try Files.status(of: "\(superv.folder)/superv-soak") == nil)
    }
  }

  /// Whether a process is of a soak's tree: an agent, or keeper and daemon, which are told of its
  /// folder, or the logger, which has files there open.
  private static func belongs(_ process: ProcessRecord, toSoak pid: String) -> Bool {
    guard process.state != "Z" else { return false }
    let descriptors = (try? Files.names(in: "/proc/\(process.pid)/fd")) ?? []
    return runs(process, inSoak: pid)
      || words(of: process).contains { $0.hasPrefix(folder(ofSoak: pid)) }
      || descriptors.contains { leads("fd/\($0)", of: process, toSoak: pid) }
  }

  /// Whether a process runs in a soak's folder, as agents do.
  private static func runs(
    _ process: ProcessRecord, inSoak pid: String, as role: String? = nil
  ) -> Bool {
    guard process.state != "Z", leads("cwd", of: process, toSoak: pid) else { return false }
    let words = words(of: process)
    return role.map { words.count > 2 && words[2] == $0 } ?? true
  }

  private static func words(of process: ProcessRecord) -> [Substring] {
    (try? Files.readText("/proc/\(process.pid)/cmdline"))?.split(separator: "\0") ?? []
  }

  private static func leads(
    _ link: String, of process: ProcessRecord, toSoak pid: String
  ) -> Bool {
    (try? Files.linkTarget("/proc/\(process.pid)/\(link)"))?.hasPrefix(folder(ofSoak: pid)) == true
  }

  /// As it begins: it has its pid.
  private static func folder(ofSoak pid: String) -> String { "/tmp/superv-soak-\(pid)-" }

  private func expectNothingLeft(_ superv: Superv) throws {
    #expect(try superv.processesInFolder().isEmpty)
    #expect(try Files.names(in: "\(superv.folder)/xdg").isEmpty)
  }
}
