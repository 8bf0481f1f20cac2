import SupervSystem
import Testing

@Suite struct ProcessHuntTests {
  /// A shell with a child in a session of its own and one in its own.
  private static func family() throws -> SpawnedProcess {
    let pipe = try Pipe.make()
    return try pipe.split { reader, writer in
      var request = SpawnRequest(
        command: ["sh", "-c", "setsid sleep 1000 & sleep 1000 & sleep 0.1; echo; wait"],
        environment: ["PATH=/usr/bin:/bin"])
      request.standardOutput = writer.number
      let process = try spawn(request)
      _ = try reader.wait(timeoutMilliseconds: 60_000)
      return process
    }
  }

  private static func gone(_ pid: Int32) -> Bool {
    ProcessRecord.of(pid).map { $0.state == "Z" } ?? true
  }

  @Test func everythingBelowGoes() throws {
    let root = try Self.family()
    var below = Processes.children(of: root.pid)
    #expect(below.count >= 2)
    below += below.flatMap { Processes.children(of: $0) }
    var hunt = ProcessHunt()
    #expect(hunt.isEmpty)
    hunt.add(root.pid, childOf: Processes.ownPid)
    while hunt.advance(by: 1) {}
    #expect(hunt.stopped.isSuperset(of: below + [root.pid]))
    hunt.kill()
    #expect(try root.pidfd.wait(timeoutMilliseconds: 60_000))
    _ = try Processes.reap(root.pidfd)
    for pid in below {
      let pidfd = try Processes.open(pid: pid)
      #expect(try pidfd?.wait(timeoutMilliseconds: 60_000) ?? true)
      #expect(Self.gone(pid))
    }
  }

  @Test func whoHasLeftTheSessionCanBeSpared() throws {
    let root = try Self.family()
    let below = Processes.children(of: root.pid)
    let away = below.filter { ProcessRecord.of($0)?.session != root.pid }
    #expect(away.count == 1)
    var hunt = ProcessHunt(session: root.pid)
    hunt.add(root.pid, childOf: Processes.ownPid)
    while hunt.advance(by: 64) {}
    hunt.kill()
    #expect(try root.pidfd.wait(timeoutMilliseconds: 60_000))
    _ = try Processes.reap(root.pidfd)
    for pid in away {
      #expect(!Self.gone(pid) && !hunt.stopped.contains(pid))
      if let pidfd = try Processes.open(pid: pid) { try Processes.send(.kill, to: pidfd) }
    }
  }

  @Test func aStrangersPidIsLeftAlone() throws {
    let root = try Self.family()
    var hunt = ProcessHunt()
    // Its parent is another one than was seen.
    hunt.add(root.pid, childOf: 1)
    #expect(!hunt.advance(by: 64) && hunt.stopped.isEmpty)
    hunt.kill()
    #expect(!Self.gone(root.pid))
    Processes.killTree(root.pid)
    #expect(try root.pidfd.wait(timeoutMilliseconds: 60_000))
    _ = try Processes.reap(root.pidfd)
  }
}
