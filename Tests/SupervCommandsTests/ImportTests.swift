import Foundation
import SupervConfig
import Testing

/// `superv import`, and what `superv check --json` says of a configuration.
@Suite struct ImportTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = "\(folder.path)/supervisord.conf"
    try write(
      """
      [supervisord]
      logfile = \(folder.path)/supervisord.log
      pidfile = \(folder.path)/supervisord.pid
      childlogdir = \(folder.path)
      [group:site]
      programs = web
      [program:web]
      command = web --port 80%(process_num)02d
      process_name = web_%(process_num)02d
      numprocs = 2
      environment = KEY="x"
      [eventlistener:mail]
      command = mail
      events = TICK_5
      """, to: path)
  }

  private func write(_ text: String, to path: String) throws {
    try Data("\(text)\n".utf8).write(to: URL(filePath: path))
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("it is written to standard output, and can be used")
  func toOutput() throws {
    let result = run("import", path)
    #expect(result.status == 0)
    #expect(result.errors.hasPrefix("superv: [eventlistener:mail] is left out: "))
    #expect(result.output.contains("\n[agent:web]\n"))
    try write(result.output, to: "\(folder.path)/own.conf")
    let check = run("check", "\(folder.path)/own.conf")
    #expect(check.output.hasSuffix(": no errors, no warnings (2 agents)\n"))
    #expect(run("import", "\(folder.path)/own.conf").status == 1)
  }

  @Test("a file that is there is not written over by mistake, and is as secret as the other")
  func toFile() throws {
    let out = "\(folder.path)/out.conf"
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    #expect(run("import", path, "-o", out).output == "")
    let mode = try FileManager.default.attributesOfItem(atPath: out)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let text = try String(contentsOfFile: out, encoding: .utf8)
    try write("[agent:mine]", to: out)
    let again = run("import", path, "--output", out)
    #expect(again.status == 1 && again.errors.contains("is there already; --force replaces it"))
    #expect(try String(contentsOfFile: out, encoding: .utf8) == "[agent:mine]\n")
    #expect(run("import", path, "-o", out, "--force").status == 0)
    #expect(try String(contentsOfFile: out, encoding: .utf8) == text)
  }

  @Test("JSON has the file, and who is who")
  func json() throws {
    let report = try object(run("import", path, "--json").output)
    #expect(report["from"] as? String == "supervisord")
    #expect(report["text"] as? String == run("import", path).output)
    let processes = report["processes"] as? [[String: String]]
    #expect(processes?.last == ["name": "site:web_01", "agent": "web:1"])
    #expect((report["omitted"] as? [Any])?.count == 1)
  }

  @Test("a file with errors writes nothing")
  func errors() throws {
    try write("[supervisord]\n[program:a]\n", to: path)
    let result = run("import", path, "-o", "\(folder.path)/out.conf")
    #expect(result.status == 1 && result.errors.contains("[program:a] has no command"))
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out.conf"))
    #expect(run("import", path, "--from", "heroku").status == 2)
    try write("web: a | b", to: path)
    #expect(run("import", path).output.contains("\ncommand = sh -c 'a | b'\n"))
  }

  @Test("check --json has every key, under its name")
  func everyKey() throws {
    try write(run("import", path).output + "[supervisor:s]\nchildren = web\n", to: path)
    let configuration = try #require(
      object(run("check", path, "--json").output)["configuration"] as? [String: Any])
    #expect(configuration["dialect"] as? String == "superv")
    let agents = try #require(configuration["agents"] as? [[String: Any]])
    let supervisors = try #require(configuration["supervisors"] as? [[String: Any]])
    let found = [
      "[superv]": configuration["superv"] as? [String: Any] ?? [:],
      "[supervisor:NAME]": supervisors[0], "[agent:NAME]": agents[1],
    ]
    // What is not in force, but only how it is checked or counted.
    let other: Set = ["numprocs", "no_warning_of"]
    let beside: Set = ["name", "agent", "instance", "supervisor", "program"]
    for section in configurationReference {
      guard let members = found[section.header] else { continue }
      let keys = Set(section.keys.map(\.name)).subtracting(other)
      #expect(Set(members.keys).subtracting(beside) == keys, "\(section.header)")
    }
    #expect(agents[1]["name"] as? String == "web:1" && agents[1]["instance"] as? Int == 1)
    #expect(agents[1]["command"] as? [String] == ["web", "--port", "8001"])
    #expect(agents[1]["supervisor"] as? String == "s")
    #expect(agents[1]["drain"] as? Int == 0 && agents[1]["umask"] as? String == "022")
    #expect((agents[1]["environment"] as? [String: String])?["KEY"] == "x")
  }

  @Test("check --json has supervisord's options under supervisord's names")
  func supervisordsOptions() throws {
    let report = try object(run("check", path, "--json").output)
    let configuration = try #require(report["configuration"] as? [String: Any])
    #expect(configuration["dialect"] as? String == "supervisord")
    let own = try #require(configuration["supervisord"] as? [String: Any])
    #expect(own["childlogdir"] as? String == folder.path && own["minfds"] as? Int == 1024)
    let agents = try #require(configuration["agents"] as? [[String: Any]])
    let program = try #require(agents.last?["program"] as? [String: Any])
    #expect(program["process_name"] as? String == "web_01")
    #expect(program["autorestart"] as? String == "unexpected")
    #expect(program["stdout_logfile_maxbytes"] as? Int == 50 << 20)
    #expect(agents.last?["signal_to"] as? String == "process")
  }
}
