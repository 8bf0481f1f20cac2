import Foundation
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// What outlives the daemon.
@Suite struct MemoryTests {
  private static let text = """
    [supervisor:s]
    backoff_base = 0
    children = a, b
    [agent:a]
    command = a
    [agent:b]
    command = b
    [agent:c]
    command = c
    """

  /// A folder of its own for the time of `body`.
  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "superv-memory-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path())
  }

  @Test func nothingIsRememberedAtFirst() throws {
    try inFolder { folder in
      let memory = try DaemonMemory.read(from: folder, eventFiles: [folder + "/events.ndjson"])
      #expect(memory == DaemonMemory())
    }
  }

  @Test func roundTrip() throws {
    try inFolder { folder in
      var memory = DaemonMemory()
      memory.incarnations = ["a": 3, "w:0": .max, "é \"\n": 1]
      memory.stopped = ["a", "s"]
      memory.lastSequence = .max - 1
      try memory.write(to: folder)
      #expect(try DaemonMemory.read(from: folder, eventFiles: []) == memory)
      memory.stopped = []
      try memory.write(to: folder)
      #expect(try DaemonMemory.read(from: folder, eventFiles: []) == memory)
    }
  }

  @Test func brokenMemoryIsAnError() throws {
    try inFolder { folder in
      for text in ["", "{", "[]", #"{"incarnations":{"a":-1},"stopped":[],"lastSequence":1}"#] {
        try Data(text.utf8).write(to: URL(filePath: folder + "/memory.json"))
        #expect(throws: SystemError.self) {
          try DaemonMemory.read(from: folder, eventFiles: [])
        }
      }
    }
  }

  /// A daemon that is killed has written nothing since it began: its events say the rest.
  @Test func eventsSayWhatWasNotWritten() throws {
    try inFolder { folder in
      try DaemonMemory().write(to: folder)
      let world = try World(Self.text)
      world.end("a")
      world.end("a")
      let client = world.connect()
      client.request("down", #"{"names":["b","c"]}"#)
      world.settle()
      client.request("up", #"{"names":["c"]}"#)
      client.request("down", #"{"names":["s"]}"#)
      world.settle()
      // Torn by the death of the logger, in two files.
      let lines = world.kernel.eventLines.map { $0 + [UInt8(ascii: "\n")] }
      let files = ["events.ndjson.1", "events.ndjson"].map { "\(folder)/\($0)" }
      try Data(lines.prefix(7).joined()).write(to: URL(filePath: files[0]))
      let torn = #"{"seq":999,"event":"agent.started","agent":"a","incarn"#
      try Data(lines.dropFirst(7).joined() + Array(torn.utf8)).write(to: URL(filePath: files[1]))

      let memory = try DaemonMemory.read(
        from: folder, eventFiles: [folder + "/events.ndjson.2"] + files)
      #expect(memory.lastSequence == Int64(lines.count))
      #expect(memory.incarnations["a"] == 3 && memory.incarnations["b"] == 1)
      #expect(memory.incarnations["c"] == 2)
      #expect(memory.stopped == ["b", "s"])
      // The same as what the daemon would have written itself.
      #expect(world.daemon.memory.stopped == memory.stopped)
      #expect(world.daemon.memory.lastSequence == memory.lastSequence)
      for name in ["a", "b", "c"] {
        #expect(world.daemon.memory.incarnations[name] == memory.incarnations[name])
      }

      let next = try World(Self.text, memory: memory)
      #expect(next.starts == ["c"])
      #expect(try next.agent("c").incarnation == 3)
      #expect(try next.events().first?.seq == Int64(lines.count) + 1)
      #expect(try next.agent("b").desired == .down)
    }
  }

  @Test func eventsFromBeforeTheMemoryAreNotReplayed() throws {
    try inFolder { folder in
      var memory = DaemonMemory()
      memory.lastSequence = 10
      memory.incarnations = ["a": 4]
      try memory.write(to: folder)
      let lines = [
        #"{"seq":9,"event":"control.down","agent":"a","incarnation":9}"#,
        #"{"seq":11,"event":"agent.exited","agent":"a","incarnation":3}"#,
        #"{"event":"log.lost","count":3}"#, "", "garbage", "[]", "{}",
        #"{"seq":12,"event":"control.down","supervisor":"s"}"#,
      ]
      try Data(lines.joined(separator: "\n").utf8).write(
        to: URL(filePath: folder + "/events.ndjson"))
      let read = try DaemonMemory.read(from: folder, eventFiles: [folder + "/events.ndjson"])
      #expect(read.incarnations == ["a": 4])
      #expect(read.stopped == ["s"])
      #expect(read.lastSequence == 12)
    }
  }

  /// An agent that leaves the configuration for a while goes on counting where it was.
  @Test func incarnationsOfAgentsThatAreGoneAreKept() throws {
    var memory = DaemonMemory()
    memory.incarnations = ["earlier": 7]
    let world = try World(Self.text + "\n[agent:later]\ncommand = later", memory: memory)
    world.end("later")
    world.text.replace(Self.text)
    world.signal(.hangUp)
    world.settle()
    #expect(world.daemon.memory.incarnations["earlier"] == 7)
    #expect(world.daemon.memory.incarnations["later"] == 2)
    let next = try World(
      "[agent:later]\ncommand = l\n[agent:earlier]\ncommand = e", memory: world.daemon.memory)
    #expect(next.kernel.launches.map(\.key.incarnation) == [3, 8])
  }

  @Test func stopSurvivesAndUpEndsIt() throws {
    let first = try World(Self.text)
    first.connect().request("down", #"{"names":["b"]}"#)
    first.signal(.terminate)
    first.settle()
    #expect(first.daemon.memory.stopped == ["b"])
    let second = try World(Self.text, memory: first.daemon.memory)
    #expect(second.pid(of: "b") == nil && second.pid(of: "a") != nil)
    second.connect().request("up", #"{"names":["b"]}"#)
    #expect(second.pid(of: "b") != nil)
    #expect(second.daemon.memory.stopped == [])
  }
}
