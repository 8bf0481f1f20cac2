import SupervConfig
import SupervisionTree
import Testing

/// What an import looks like, for the cases that people have.
@Suite struct ImportTests {
  private func load(
    _ text: String, as dialect: ImportedDialect? = nil, at path: String = mainPath,
    _ change: (inout FixedSource) -> Void = { _ in }
  ) -> (loaded: LoadedImport, source: FixedSource) {
    var source = FixedSource(text, at: path)
    source.folders.formUnion(["/tmp"])
    change(&source)
    return (loadImport(path, as: dialect, from: source, shownFrom: "/etc/superv"), source)
  }

  /// The result, and what it means.
  private func good(
    _ text: String, at path: String = mainPath, _ change: (inout FixedSource) -> Void = { _ in }
  ) throws -> (imported: ImportedConfiguration, meaning: Configuration) {
    var (loaded, source) = load(text, at: path, change)
    let imported = try #require(loaded.imported, "\(loaded.diagnostics)")
    source.files["/etc/superv/out.conf"] = Array(imported.text.utf8)
    let result = loadConfiguration("/etc/superv/out.conf", from: source)
    #expect(result.diagnostics.map(\.description) == [])
    return (imported, try #require(result.configuration, "\(imported.text)"))
  }

  @Test func numberedProcessesAreOneAgent() throws {
    let (imported, meaning) = try good(
      """
      [supervisord]
      [group:site]
      programs = worker
      [program:worker]
      command = serve --port 80%(process_num)02d
      process_name = %(program_name)s_%(process_num)02d
      numprocs = 12
      """)
    #expect(Set(meaning.agents.map(\.agent)) == ["worker"])
    #expect(meaning.agents.count == 12)
    #expect(meaning.agents[11].command == ["serve", "--port", "8011"])
    #expect(imported.processes[11].name == "site:worker_11")
    #expect(imported.processes[11].agent == "worker:11")
    #expect(imported.text.contains("SUPERVISOR_PROCESS_NAME=worker_%(instance)02d\n"))
  }

  /// They start in the order of their names, `w_10` before `w_2`, or begin at another number.
  @Test(arguments: ["%(process_num)d\nnumprocs = 11", "%(process_num)02d\nnumprocs_start = 1"])
  func othersAreSeveral(pattern: String) throws {
    let count = pattern.contains("numprocs_start") ? "\nnumprocs = 2" : ""
    let (imported, meaning) = try good(
      "[supervisord]\n[program:w]\ncommand = w\nprocess_name = w_\(pattern)\(count)\n")
    #expect(meaning.agents.allSatisfy { $0.instance == 0 })
    #expect(
      imported.processes.map(\.agent) == imported.processes.map { String($0.name.dropFirst(2)) })
  }

  @Test func namesThatAgentsCannotHave() throws {
    let (imported, _) = try good(
      """
      [supervisord]
      [program:a]b]
      command = x
      [program:root]
      command = x
      [group:one]
      programs = same, w
      [group:two]
      programs = Same
      [program:same]
      command = x
      [program:Same]
      command = x
      process_name = same
      [program:w]
      command = x
      process_name = w.%(process_num)d
      numprocs = 2
      [program:w.1]
      command = x
      [program:日本]
      command = x
      """)
    let names = Dictionary(uniqueKeysWithValues: imported.processes.map { ($0.name, $0.agent) })
    #expect(
      names == [
        "a]b": "a_b", "root": "root-2", "one:same": "same", "two:same": "same-2", "one:w.0": "w:0",
        "one:w.1": "w:1", "w.1": "w.1-2", "日本": "a__",
      ])
  }

  @Test func whatHasNoCounterpartIsSaid() throws {
    let (imported, meaning) = try good(
      """
      [supervisord]
      [eventlistener:mail]
      command = mailer
      events = TICK_5
      [fcgi-program:php]
      command = php
      socket = tcp://localhost:9000
      [program:nothing]
      command =
      """)
    #expect(
      imported.omissions.map(\.name) == ["[eventlistener:mail]", "nothing", "[fcgi-program:php]"])
    for omission in imported.omissions { #expect(imported.text.contains("`\(omission.name)`")) }
    #expect(meaning.agents.isEmpty)
    #expect(imported.text.contains("no_warning_of = no_agent\n"))
  }

  @Test func logsKeepTheirSizes() throws {
    let (imported, meaning) = try good(
      """
      [supervisord]
      [program:a]
      command = a
      [program:b]
      command = b
      [program:c]
      command = c
      stdout_logfile = /tmp/c.log
      stdout_logfile_maxbytes = 1MB
      stdout_logfile_backups = 3
      redirect_stderr = true
      [program:d]
      command = d
      stdout_logfile = /dev/stdout
      stdout_logfile_maxbytes = 0
      stderr_logfile = NONE
      """
    ) { $0.folders.insert("/dev") }
    #expect(meaning.agents.map(\.log.maximumBytes) == [50 << 20, 50 << 20, 1 << 20, 50 << 20])
    #expect(meaning.agents.map(\.log.maximumFiles) == [10, 10, 3, 10])
    #expect(meaning.settings.logTotalMaximumBytes == 2 << 30)
    #expect(imported.text.contains("Its output went to: stdout `/dev/stdout`, stderr nowhere.\n"))
  }

  @Test func prioritiesOrderTheEnd() throws {
    let same = try good("[supervisord]\n[program:a]\ncommand = a\n[program:b]\ncommand = b\n")
    #expect(!same.imported.text.contains("stop_priority"))
    let others = try good(
      "[supervisord]\n[program:a]\ncommand = a\npriority = 99999999\n[program:b]\ncommand = b\n")
    #expect(others.meaning.agents.map(\.specification.policy.priority) == [0, 1])
  }

  @Test func foldersThatAreNotThere() throws {
    let text = "[supervisord]\n[program:a]\ncommand = a\ndirectory = /nowhere\n"
    #expect(try good(text).imported.text.contains("no_warning_of = missing_paths\n"))
    let there = try good(text) { $0.folders.insert("/nowhere") }
    #expect(!there.imported.text.contains("no_warning_of"))
  }

  // MARK: Procfiles

  @Test func procfile() throws {
    let text = """
      # comment
      web: gunicorn app -b 0.0.0.0:$PORT

      work_er-1:   python3 worker.py --queue=a,b 100%
      release: ./migrate && echo "it's done"
      """
    let (imported, meaning) = try good(text, at: "/srv/Procfile") {
      $0.files["/srv/.env"] = Array("PORT=7000\nKEY=x\n".utf8)
    }
    #expect(imported.processes.map(\.agent) == ["web", "work_er-1", "release"])
    #expect(
      meaning.agents.map(\.command) == [
        ["sh", "-c", "exec gunicorn app -b 0.0.0.0:$PORT"],
        ["python3", "worker.py", "--queue=a,b", "100%"],
        ["sh", "-c", #"./migrate && echo "it's done""#],
      ])
    #expect(
      meaning.agents.map(\.environment).map { $0.map(\.value) } == [["7000"], ["7100"], ["7200"]])
    #expect(
      meaning.agents.allSatisfy { $0.directory == "/srv" && $0.environmentFile == "/srv/.env" })
    #expect(
      meaning.agents.map(\.specification.policy.restart) == [.permanent, .permanent, .temporary])
    #expect(meaning.settings.passesWholeEnvironment)
  }

  @Test func whatAFileIs() {
    #expect(load("web: x\n").loaded.dialect == .procfile)
    #expect(load("web: x\n", as: .supervisord).loaded.dialect == .supervisord)
    #expect(load("[program:a]\ncommand: a\n").loaded.dialect == .supervisord)
    #expect(load("", at: "/srv/Procfile.dev").loaded.dialect == .procfile)
    #expect(load("web x\n").loaded.dialect == .supervisord)
  }

  @Test(arguments: [
    ("web: x\n[oops\n", 2), ("web: x\nweb: y\n", 2), ("# nothing\n", 1), ("web:\n", 1),
  ])
  func procfilesWithErrors(text: String, line: Int) {
    let loaded = load(text, as: .procfile).loaded
    #expect(loaded.imported == nil && loaded.diagnostics.first?.line == line)
  }

  @Test func ownFilesAreNotImported() {
    let loaded = load("[agent:a]\ncommand = a\n").loaded
    #expect(
      loaded.diagnostics.map(\.description) == [
        "main.conf:1:1: error: this file is in superv's own dialect already"
      ])
  }
}
