import Foundation
import SupervCommands
import SupervDaemon
import SupervProtocol
import SupervSystem
import Testing

/// `check`, `start` and `run`, with shell scripts in the place of the daemon.
@Suite struct StartTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func configuration(_ extra: String = "") throws -> String {
    try folder.write(
      "supervisor.conf",
      """
      [superv]
      runtime_dir = \(folder.path)
      state_dir = \(folder.path)/state

      [agent:one]
      command = /bin/true
      \(extra)
      """)
  }

  /// `superv start` with a shell script in the place of the daemon. What is executed is a file of
  /// the repository: one that a test has just written may still be open in a process that another
  /// test spawns, and then cannot be executed (execve(2), ETXTBSY).
  private func start(_ words: String..., daemon script: String) throws -> Run {
    let fixture = testsFolder.appending(path: "Fixtures/daemon").path
    let mark = "\(folder.path)/daemon.pid"
    let environment = [
      "PATH": "/usr/bin:/bin",
      "SUPERV_TEST_SCRIPT": try folder.write("script", "echo $$ > \(mark)\n\(script)"),
    ]
    defer { reapDaemon(mark) }
    return run(words: ["start"] + words, environment: environment, executable: fixture)
  }

  /// A command ends before its daemon does, so it leaves the daemon's end to process 1. This one
  /// goes on, and a child that is never reaped would keep the exit tests of other suites waiting.
  private func reapDaemon(_ mark: String) {
    guard let text = try? Files.readText(mark), let pid = Int32(text.filter(\.isNumber)),
      let pidfd = try? Processes.open(pid: pid)
    else { return }
    if (try? pidfd.wait(timeoutMilliseconds: 10_000)) != true {
      _ = try? Processes.send(.kill, to: pidfd)
      _ = try? pidfd.wait(timeoutMilliseconds: nil)
    }
    _ = try? Processes.reap(pidfd)
  }

  @Test("check says what is wrong where, and whether the file can be used")
  func check() throws {
    let path = try configuration()
    #expect(
      run("check", path)
        == Run(status: 0, output: "\(path): no errors, no warnings (1 agents)\n", errors: ""))
    _ = try configuration("comand = x")
    let bad = run("check", path)
    #expect(bad.status == 1 && bad.errors.isEmpty)
    #expect(bad.output.contains("\(path):7:1: error:"))
    #expect(bad.output.contains("\n  comand = x\n  ^\n"))
    #expect(bad.output.hasSuffix("\(path): 1 error, no warnings\n"))
    let json = run("check", path, "--json")
    #expect(json.status == 1)
    let expected =
      #"{"agents":0,"configuration":null,"diagnostics":[{"column":1,"file":"\#(path)","#
      + #""hint":"did you mean `command`?","line":7,"#
    #expect(json.output.hasPrefix(expected) && json.output.hasSuffix("\"valid\":false}\n"))
    #expect(run("check", "\(folder.path)/none.conf").status == 1)
  }

  @Test("nothing is started from a file with errors")
  func badConfiguration() throws {
    let path = try configuration("comand = x")
    let mark = "\(folder.path)/started"
    let result = try start(path, daemon: "touch \(mark)")
    #expect(result.status == 1)
    #expect(result.errors.hasSuffix("superv: \(path) has 1 error; nothing was started\n"))
    #expect(try Files.status(of: mark) == nil)
    #expect(run("run", path).status == 1)
  }

  @Test("a second daemon on the same runtime directory is refused with the pid of the first")
  func secondDaemon() throws {
    let path = try configuration()
    let lock = try Files.open(try folder.write("superv.lock", "4242\n"), .readWrite)
    #expect(try lock.lock())
    let result = try start(path, daemon: "exit 1")
    #expect(result.status == 1)
    #expect(result.errors.hasPrefix("superv: a daemon (pid 4242) already runs in \(folder.path);"))
  }

  @Test("the table is shown once the tree is up, with those that are not running on standard error")
  func success() throws {
    let path = try configuration()
    let daemon = try ScriptedDaemon(in: folder, [[ScriptedDaemon.encoded(sampleStatus)]])
    let script = """
      echo "$@" > \(folder.path)/words
      pwd > \(folder.path)/directory
      echo '{"ready":true}' >&3
      """
    let result = try start(path, daemon: script)
    #expect(result.status == 0)
    #expect(result.output.hasPrefix("NAME"))
    #expect(result.errors.lines.count == 2)
    #expect(
      result.errors.contains("superv: broken is failed: gave up: more than 5 restarts in 60 s\n"))
    #expect(daemon.requests == [#"status {"wait":"up"}"#])
    #expect(
      try Files.readText("\(folder.path)/words")
        == "keeper --config \(path) --runtime-dir \(folder.path) --ready-fd 3\n")
    #expect(try Files.readText("\(folder.path)/directory") == "/\n")
    #expect(try Files.status(of: "\(folder.path)/daemon.log")?.mode == 0o600)
  }

  @Test("what the daemon says on the ready pipe is the reason")
  func refusal() throws {
    let script = #"echo '{"error":"control.sock: Permission denied"}' >&3"#
    let result = try start(try configuration(), daemon: script)
    #expect(
      result == Run(status: 1, output: "", errors: "superv: control.sock: Permission denied\n"))
  }

  @Test("a daemon that dies without a word is shown with its status and the end of its log")
  func death() throws {
    _ = try folder.write("daemon.log", "of an earlier daemon\n")
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11; do echo line $i; done >&2; exit 7"
    let result = try start(try configuration(), daemon: script)
    #expect(result.status == 1)
    let lines = result.errors.lines
    let log = "\(folder.path)/daemon.log"
    let expected = "superv: the daemon ended before it served (exit code 7); the end of \(log):"
    #expect(lines.first.map(String.init) == expected)
    #expect(lines.dropFirst().first == "  line 2" && lines.last == "  line 11" && lines.count == 11)
  }

  @Test("a tree that is being stopped again is a no, with what the daemon wrote")
  func stopping() throws {
    var status = sampleStatus
    status.daemon.state = .stopping
    let daemon = try ScriptedDaemon(in: folder, [[ScriptedDaemon.encoded(status)]])
    let script = #"echo "critical agent broken failed" >&2; echo '{"ready":true}' >&3"#
    let result = try start(try configuration(), daemon: script)
    #expect(result.status == 1 && daemon.requests.count == 1)
    #expect(result.errors.contains("superv: the tree is being stopped (exit code 0); the end of"))
    #expect(result.errors.hasSuffix("\n  critical agent broken failed\n"))
  }

  @Test("a connection that breaks while the tree starts is a no as well")
  func brokenConnection() throws {
    let daemon = try ScriptedDaemon(in: folder, [[.hangUp]])
    let result = try start(
      try configuration(), "--json", daemon: #"echo '{"ready":true}' >&3; exit 1"#)
    #expect(result.status == 1 && daemon.requests.count == 1)
    #expect(result.output.hasPrefix(#"{"error":{"code":-32603,"#))
    #expect(result.output.contains(#""message":"the daemon stopped while"#))
  }

  @Test("what does not come up in time is stopped")
  func timeout() throws {
    let daemon = try ScriptedDaemon(in: folder, [[.silence]])
    let script = """
      trap 'echo TERM > \(folder.path)/ended; kill $!; exit 0' TERM
      echo '{"ready":true}' >&3
      exec 3>&-
      sleep 1000 &
      wait
      """
    let result = try start(try configuration(), "--timeout", "300ms", daemon: script)
    #expect(result.status == 4 && daemon.requests.count == 1)
    #expect(result.errors == "superv: the tree was not up within 300ms and is being stopped\n")
    #expect(try Files.readText("\(folder.path)/ended") == "TERM\n")
  }

  @Test("run calls the keeper in this process, in the foreground")
  func foreground() throws {
    let path = try configuration()
    let roles = Roles(
      keeper: {
        let start = $0.start
        return start.configurationPath == path && start.mirrorsOutput
          && start.runtimeDirectory != nil && $0.readyDescriptor == nil ? 0 : 1
      }, daemon: { _ in 1 }, logger: { 1 })
    #expect(run("run", path, roles: roles) == Run(status: 0, output: "", errors: ""))
  }
}
