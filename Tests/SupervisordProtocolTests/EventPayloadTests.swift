import SupervisordProtocol
import Testing

@Suite struct EventPayloadTests {
  private let cat = EventProcess(name: "cat", group: "animals")

  @Test func subscriptionsCoverAllBelowThem() {
    for type in ListenerEventType.allCases {
      #expect(type.isKind(of: .event) && type.isKind(of: type))
      #expect(type == .event || !ListenerEventType.event.isKind(of: type))
    }
    func kinds(of ancestor: ListenerEventType) -> [String] {
      ListenerEventType.allCases.filter { $0.isKind(of: ancestor) }.map(\.rawValue)
    }
    #expect(kinds(of: .tick) == ["TICK", "TICK_5", "TICK_60", "TICK_3600"])
    #expect(kinds(of: .processState).count == 9)
    #expect(kinds(of: .processLog).allSatisfy { $0.hasPrefix("PROCESS_LOG") })
    #expect(kinds(of: .remoteCommunication) == ["REMOTE_COMMUNICATION"])
    // The names themselves follow the tree.
    for type in ListenerEventType.allCases {
      guard let parent = type.parent, parent != .event else { continue }
      #expect(type.rawValue.hasPrefix(parent.rawValue + "_"))
    }
  }

  @Test(arguments: [
    (ProcessStateEntry.stopped(pid: 7), "PROCESS_STATE_STOPPED", " pid:7"),
    (.starting(tries: 0), "PROCESS_STATE_STARTING", " tries:0"),
    (.running(pid: 7), "PROCESS_STATE_RUNNING", " pid:7"),
    (.backoff(tries: 3), "PROCESS_STATE_BACKOFF", " tries:3"),
    (.stopping(pid: 7), "PROCESS_STATE_STOPPING", " pid:7"),
    (.exited(pid: 7, isExpected: true), "PROCESS_STATE_EXITED", " expected:1 pid:7"),
    (.exited(pid: 7, isExpected: false), "PROCESS_STATE_EXITED", " expected:0 pid:7"),
    (.fatal, "PROCESS_STATE_FATAL", ""),
    (.unknown, "PROCESS_STATE_UNKNOWN", ""),
  ])
  func tellsOfStates(_ entry: ProcessStateEntry, type: String, words: String) {
    let event = ListenerEvent.processState(cat, from: .starting, entry)
    #expect(event.type.rawValue == type)
    #expect(event.payload == "processname:cat groupname:animals from_state:STARTING" + words)
  }

  @Test func tellsOfAllElse() {
    let hello = Array("hé\nllo".utf8)
    let events: [(ListenerEvent, String, String)] = [
      (
        .processLog(cat, pid: 9, .stderr, hello), "PROCESS_LOG_STDERR",
        "processname:cat groupname:animals pid:9 channel:stderr\nhé\nllo"
      ),
      (
        .processCommunication(cat, pid: 9, .stdout, hello), "PROCESS_COMMUNICATION_STDOUT",
        "processname:cat groupname:animals pid:9\nhé\nllo"
      ),
      (.remoteCommunication(type: "a", data: "b c"), "REMOTE_COMMUNICATION", "type:a\nb c"),
      (.supervisorRunning, "SUPERVISOR_STATE_CHANGE_RUNNING", ""),
      (.supervisorStopping, "SUPERVISOR_STATE_CHANGE_STOPPING", ""),
      (.tick(.hour, whenSeconds: 7200), "TICK_3600", "when:7200"),
      (.groupAdded("animals"), "PROCESS_GROUP_ADDED", "groupname:animals\n"),
      (.groupRemoved("animals"), "PROCESS_GROUP_REMOVED", "groupname:animals\n"),
    ]
    for (event, type, payload) in events {
      #expect(event.type.rawValue == type)
      #expect(event.payload == payload)
    }
  }

  @Test(arguments: [
    ([0xFF, 0x61, 0x0A, 0x27], #"b"\xffa\n'""#),
    ([0x80, 0x22, 0x27, 0x5C, 0x7F, 0x00], #"b'\x80"\'\\\x7f\x00'"#),
    // Half a surrogate pair, and a character written too long.
    ([0xED, 0xA0, 0x80], #"b'\xed\xa0\x80'"#),
    ([0xC0, 0x80], #"b'\xc0\x80'"#),
  ])
  func showsBytesThatAreNoTextAsPythonDoes(_ bytes: [UInt8], literal: String) {
    let event = ListenerEvent.processCommunication(cat, pid: 1, .stdout, bytes)
    #expect(event.payload.hasSuffix("pid:1\nUndecodable: " + literal))
  }

  @Test func ticksWhenAPeriodBegins() {
    var ticks = ListenerTicks()
    func at(_ seconds: Int64) -> [String] {
      ticks.advance(toUnixSeconds: seconds).map { "\($0.type.rawValue) \($0.payload)" }
    }
    #expect(at(7196) == [])
    #expect(at(7199) == [])
    #expect(at(7200) == ["TICK_5 when:7200", "TICK_60 when:7200", "TICK_3600 when:7200"])
    #expect(at(7204) == [])
    #expect(at(7219) == ["TICK_5 when:7215"])
    // Set back.
    #expect(at(-1) == ["TICK_5 when:-5", "TICK_60 when:-60", "TICK_3600 when:-3600"])
    #expect(at(.min).count == 3 && at(.max).count == 3)
    #expect(ListenerTicks.nextSeconds(after: 7196) == 7200)
    #expect(ListenerTicks.nextSeconds(after: 7200) == 7205)
    #expect(ListenerTicks.nextSeconds(after: -1) == 0)
    #expect(ListenerTicks.nextSeconds(after: .max) == .max)
  }
}
