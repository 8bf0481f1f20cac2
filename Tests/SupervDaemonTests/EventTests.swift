import Foundation
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// The event log, and those who ask for and follow it.
@Suite struct EventTests {
  private static let text = """
    [superv]
    intensity = 1000000
    backoff_base = 0
    [supervisor:s]
    children = a, b
    [agent:a]
    command = a
    [agent:b]
    command = b
    [agent:c]
    command = c
    """

  @Test func everyLineIsWhatTheDesignSays() throws {
    let world = try World(Self.text) {
      $0.failingStarts["b"] = [1: "bad \"quote\"\n\u{1}\u{2028}é"]
    }
    world.advance(.seconds(2))
    world.end("c", .signalled(11, coreDumped: true))
    let client = world.connect()
    client.request("restart", #"{"names":["a"]}"#)
    world.signal(.hangUp)
    world.signal(.terminate)
    world.settle()
    #expect(world.daemon.end == .asked)
    var sequence = 0
    for line in world.kernel.eventLines {
      #expect(!line.contains(UInt8(ascii: "\n")))
      let object = try #require(
        JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
      sequence += 1
      #expect(object["seq"] as? Int == sequence)
      let time = try #require(object["time"] as? String)
      #expect(time.count == 27 && time.hasPrefix("2026-11-21T07:20:0") && time.hasSuffix("Z"))
      let event = try #require(object["event"] as? String)
      #expect(object["reason"] is String)
      #expect((object["agent"] != nil) == (event.hasPrefix("agent.") || event == "control.restart"))
      #expect((object["supervisor"] != nil) == event.hasPrefix("supervisor."))
      #expect((object["incarnation"] is Int) == (object["agent"] != nil))
      if ["agent.started", "agent.ready", "agent.exited"].contains(event) {
        #expect(object["pid"] is Int, "\(event)")
      }
      #expect((object["exit"] != nil) == (event == "agent.exited"))
    }
    let died = try #require(world.events().first { $0.exit?.signal == 11 })
    #expect(died.event == "agent.exited" && died.agent == "c" && died.incarnation == 1)
  }

  @Test func storyOfAStart() throws {
    let world = try World("[agent:a]\ncommand = a")
    world.advance(.seconds(1))
    #expect(
      try world.story == ["daemon.started", "agent.starting a", "agent.started a", "agent.ready a"])
    #expect(try world.events().map(\.pid) == [42, nil, 1001, 1001])
  }

  @Test func sinceFilterAndNumbers() throws {
    let world = try World(Self.text)
    for _ in 0..<5 { world.end("c") }
    func ask(_ params: String) throws -> EventsReport { try world.ask("events", params) }
    let all = try ask("{}")
    #expect(all.oldestSeq == 1)
    #expect(all.events.map(\.seq) == Array(1..<all.nextSeq))
    #expect(try all.events == world.events())
    let late = try ask(#"{"since":\#(all.nextSeq - 3)}"#)
    #expect(late.events.map(\.seq) == [all.nextSeq - 2, all.nextSeq - 1])
    #expect(try ask(#"{"since":\#(all.nextSeq - 1)}"#).events.isEmpty)
    let one = try ask(#"{"agent":"c"}"#)
    #expect(one.events == all.events.filter { $0.agent == "c" })
    #expect(try ask(#"{"agent":"s"}"#).events == all.events.filter { $0.supervisor == "s" })
  }

  /// Any number is allowed, none ends the daemon.
  @Test func sinceMayBeAnyNumber() throws {
    let world = try World(Self.text)
    let all: EventsReport = try world.ask("events")
    for since in [Int64.min, .min + 1, -1, 0] {
      let report: EventsReport = try world.ask("events", #"{"since":\#(since)}"#)
      #expect(report == all)
    }
    for since in [Int64.max, .max - 1, all.nextSeq, all.nextSeq + 1] {
      let report: EventsReport = try world.ask("events", #"{"since":\#(since)}"#)
      #expect(report.events.isEmpty && report.nextSeq == all.nextSeq)
    }
  }

  @Test func oldestEventsGoWhenTheRingIsFull() throws {
    let world = try World("[superv]\nintensity = 1000000\nbackoff_base = 0\n[agent:c]\ncommand = c")
    while world.kernel.eventLines.count < EventLog.capacity { world.end("c") }
    let total = Int64(world.kernel.eventLines.count)
    for _ in 0..<2 { world.end("c") }
    let report: EventsReport = try world.ask("events")
    #expect(report.nextSeq == total + 7)
    #expect(report.oldestSeq == report.nextSeq - Int64(EventLog.capacity))
    #expect(report.events.map(\.seq) == Array(report.oldestSeq..<report.nextSeq))
    let gone: EventsReport = try world.ask("events", #"{"since":1}"#)
    #expect(gone.events.first?.seq == report.oldestSeq)
  }

  @Test func followersGetWhatComes() throws {
    let world = try World(Self.text)
    let all = world.connect()
    let one = world.connect()
    let plain = world.connect()
    let id = all.request("events", #"{"follow":true}"#)
    one.request("events", #"{"follow":true,"agent":"c","since":1000}"#)
    plain.request("events")
    let start: EventsReport = try all.result(of: id)
    world.end("a")
    world.end("c")
    #expect(try all.followed.map(\.seq) == Array(start.nextSeq..<start.nextSeq + 6))
    #expect(try all.followed.map(\.agent) == ["a", "a", "a", "c", "c", "c"])
    #expect(try one.followed.map(\.event) == ["agent.exited", "agent.starting", "agent.started"])
    #expect(try plain.followed.isEmpty)
    // What was decided in the turn of the request comes after its answer, once.
    let late = world.connect()
    let restart = late.line("restart", #"{"names":["b"]}"#)
    late.send(restart + late.line("events", #"{"follow":true}"#))
    world.settle()
    let report: EventsReport = try late.result(of: 2)
    #expect(try late.followed.map(\.seq).first == report.nextSeq)
    #expect(try late.followed.first?.event == "control.restart")
  }

  @Test func followerThatDoesNotReadIsCutOff() throws {
    let world = try World(Self.text)
    let slow = world.connect(process: 666)
    let others = [world.connect(), world.connect()]
    slow.request("events", #"{"follow":true}"#)
    slow.request("status", #"{"wait":"ready"}"#)
    for other in others { other.request("events", #"{"follow":true}"#) }
    let before = world.kernel.eventLines.count
    world.kernel.full = [slow.id]
    world.end("a")
    #expect(world.kernel.closed == [slow.id])
    #expect(try slow.followed.isEmpty)
    // It is told at once, and to the others.
    let told = try world.events()[before...].map(\.event)
    #expect(told == ["agent.exited", "agent.starting", "agent.started", "control.disconnected"])
    for other in others { #expect(try other.followed.map(\.event) == told) }
    world.end("c")
    world.advance(.seconds(5))
    for other in others { #expect(try other.followed == Array(world.events()[before...])) }
    #expect(world.kernel.closed == [slow.id])
  }

  @Test func peerThatDoesNotReadItsAnswersIsCutOff() throws {
    let world = try World(Self.text) { $0.undying = ["a"] }
    let slow = world.connect()
    for _ in 0..<3 { slow.request("down", #"{"names":["a"]}"#) }
    slow.request("status", #"{"wait":"ready"}"#)
    world.kernel.full = [slow.id]
    world.end("a", .exited(code: 0))
    #expect(world.kernel.closed == [slow.id])
    #expect(try world.story.count { $0 == "control.disconnected" } == 1)
    // What it has asked is forgotten, and what it sends is not read.
    world.kernel.full = []
    slow.request("down", #"{"names":["c"]}"#)
    #expect(world.pid(of: "c") != nil)
    world.advance(.seconds(5))
    #expect(slow.answers.isEmpty)
  }

  @Test func ringKeepsTheLatest() {
    for first in [Int64(1), 1000] {
      var log = EventLog(nextSequence: first)
      #expect(log.entries(since: 0).isEmpty && log.oldestSequence == first)
      let total = Int64(EventLog.capacity * 2 + 100)
      for number in first..<first + total {
        let event = StoryEvent("x", .agent, name: number % 3 == 0 ? "three" : "other", reason: "")
        let entry = log.add(event)
        #expect(entry.sequence == number)
      }
      let next = first + total
      #expect(log.nextSequence == next)
      #expect(log.oldestSequence == next - Int64(EventLog.capacity))
      for since in [next, next - 1, next - 2, log.oldestSequence, log.oldestSequence - 1, 0] {
        let expected = Array(max(since + 1, log.oldestSequence)..<max(next, since + 1))
        #expect(log.entries(since: since).map(\.sequence) == expected)
      }
      let threes = (log.oldestSequence..<next).filter { $0 % 3 == 0 }
      #expect(log.history(of: "three", limit: 7).map(\.sequence) == threes.suffix(7))
      #expect(log.history(of: "three", limit: .max).map(\.sequence) == threes)
      #expect(log.history(of: "nobody", limit: 7).isEmpty)
    }
  }
}
