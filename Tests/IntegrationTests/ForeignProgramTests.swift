import Foundation
import SupervSystem
import Testing

/// Whether a program is in the `PATH` of whoever runs the tests; `.ci/programs` gets what is not.
func isInstalled(_ program: String) -> Bool { installed(program) != nil }

/// Where it is.
func installed(_ program: String) -> String? {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
  return SpawnRequest.candidates(for: program, path: path).first {
    $0.hasPrefix("/") && FileManager.default.isExecutableFile(atPath: $0)
  }
}

/// Programs that nobody here has written, under the protocols that they know.
@Suite(.aside) struct ForeignProgramTests {
  @Test func redisSaysThatItIsReady() throws {
    guard let redis = installed("redis-server") else {
      return notTested("redis-server under sd_notify", because: "it is not installed")
    }
    let tree = """
      [agent:redis]
      command = \(redis) --supervised systemd --port 0 --unixsocket %(here)s/redis.sock --save ""
      ready = declared
      liveness = unix:%(here)s/redis.sock
      liveness_interval = 100ms
      startup = unix:%(here)s/redis.sock
      startup_interval = 100ms
      startup_failure_threshold = 1000

      """
    try withSuperv(tree) { superv in
      try superv.start("--wait", "ready")
      let agent = try #require(try superv.status()[agent: "redis"])
      #expect(agent.ready && agent.statusText == "Ready to accept connections")
      // It is ready when it says so: its socket answers.
      let client = try UnixSocket.connect(to: "\(superv.folder)/redis.sock")
      try client.writeAll("PING\r\n")
      #expect(try client.wait(timeoutMilliseconds: patienceSeconds * 1000))
      var answer = [UInt8](repeating: 0, count: 7)
      var span = answer.mutableSpan
      _ = try client.read(into: &span)
      #expect(String(decoding: answer, as: UTF8.self) == "+PONG\r\n")
      try superv.send(.kill, to: "redis")
      try superv.wait(for: "another redis is ready") {
        $0[agent: "redis"]?.incarnation == 2 && $0[agent: "redis"]?.ready == true
      }
    }
  }

  @Test func s6SvscanWritesItsNewline() throws {
    guard let program = installed("s6-svscan") else {
      return notTested("s6-svscan under notify_fd", because: "it is not installed")
    }
    let tree = """
      [agent:svscan]
      command = \(program) -d4 services
      ready = declared
      notify_fd = 4

      """
    try withSuperv(tree) { superv in
      try Files.makeDirectories("\(superv.folder)/services", mode: 0o755)
      try superv.start("--wait", "ready")
      #expect(try superv.status()[agent: "svscan"]?.ready == true)
    }
  }

  @Test func s6IpcserverWritesItsNewline() throws {
    guard let binder = installed("s6-ipcserver-socketbinder"),
      let server = installed("s6-ipcserverd")
    else { return notTested("s6-ipcserverd under notify_fd", because: "it is not installed") }
    // It writes to its standard output: a shell moves what superv opens there.
    let tree = """
      [agent:server]
      command = sh server.sh
      ready = declared
      notify_fd = 5
      liveness = unix:%(here)s/echo.sock
      liveness_interval = 100ms

      """
    try withSuperv(tree) { superv in
      try superv.write(
        "server.sh", "exec \(binder) echo.sock \(server) -1 cat >&5 5>&-\n")
      try superv.start("--wait", "ready")
      let client = try UnixSocket.connect(to: "\(superv.folder)/echo.sock")
      try client.writeAll("owls")
      try client.finishWriting()
      #expect(try client.readAll() == Array("owls".utf8))
    }
  }
}
