import Foundation
import SupervisordProtocol
import Testing

@Suite struct ListenerPoolTests {
  private let first = ListenerID(pool: "mail", name: "mail_0")
  private let second = ListenerID(pool: "mail", name: "mail_1")

  private func listeners(_ size: Int = 10, length: PayloadLength = .characters) -> EventListeners {
    var listeners = EventListeners(identifier: "supervisor", length: length)
    let effects = listeners.configure([pool(size)])
    #expect(effects.isEmpty)
    return listeners
  }

  private func pool(_ size: Int, _ names: [String] = ["mail_0", "mail_1"])
    -> ListenerPoolConfiguration
  {
    ListenerPoolConfiguration(
      name: "mail", subscriptions: [.remoteCommunication], bufferSize: size, listeners: names)
  }

  private func event(_ data: String) -> ListenerEvent {
    .remoteCommunication(type: "t", data: data)
  }

  /// Who was sent what, headers shortened to the numbers.
  private func sent(_ effects: [ListenerEffect]) -> [String] {
    effects.compactMap {
      guard case .write(let bytes, let listener) = $0 else { return nil }
      let words = String(decoding: bytes, as: UTF8.self).split { " \n".contains($0) }
      let numbers = words.filter { $0.contains("serial:") }.joined(separator: " ")
      return "\(listener.name) \(numbers) \(words.last ?? "")"
    }
  }

  private func lines(_ effects: [ListenerEffect]) -> [String] {
    effects.compactMap {
      guard case .log(let activity) = $0 else { return nil }
      return "\(activity.level.name) \(activity.text)"
    }
  }

  private func makeReady(_ listeners: inout EventListeners, _ id: ListenerID) -> [ListenerEffect] {
    listeners.processStarted(id) + listeners.hear("READY\n", from: id)
      + listeners.processIsRunning(id)
  }

  @Test func sendsTheWholeMessage() {
    var all = listeners()
    _ = makeReady(&all, first)
    let effects = all.publish(event("é"))
    let message = """
      ver:3.0 server:supervisor serial:0 pool:mail poolserial:0 eventname:REMOTE_COMMUNICATION \
      len:8
      type:t
      é
      """
    #expect(effects.first == .write(Array(message.utf8), to: first))
    #expect(lines(effects) == ["DEBG event 0 sent to listener mail_0"])
    #expect(all.state(of: first) == .busy)
  }

  @Test func countsCharactersOrBytes() {
    for (length, count) in [(PayloadLength.characters, 8), (.bytes, 9)] {
      var all = listeners(length: length)
      _ = makeReady(&all, first)
      guard case .write(let bytes, _) = all.publish(event("é")).first else {
        Issue.record("nothing was sent")
        continue
      }
      #expect(String(decoding: bytes, as: UTF8.self).contains(" len:\(count)\n"))
    }
  }

  @Test func asksTheFirstThatIsReadyAndRuns() {
    var all = listeners()
    #expect(sent(all.publish(event("a"))) == [])
    _ = all.processStarted(second)
    #expect(sent(all.hear("READY\n", from: second)) == [], "it does not run yet")
    #expect(sent(all.processIsRunning(second)) == ["mail_1 serial:0 poolserial:0 a"])
    #expect(sent(makeReady(&all, first)) == [])
    #expect(sent(all.publish(event("b"))) == ["mail_0 serial:1 poolserial:1 b"])
    #expect(sent(all.publish(event("c"))) == [])
    let effects = all.hear("RESULT 2\nOKREADY\n", from: second)
    #expect(sent(effects) == ["mail_1 serial:2 poolserial:2 c"])
    #expect(
      lines(effects) == [
        "DEBG mail_1: event was processed", "DEBG mail_1: BUSY -> ACKNOWLEDGED",
        "DEBG mail_1: ACKNOWLEDGED -> READY", "DEBG event 2 sent to listener mail_1",
      ])
  }

  @Test func refusedEventsComeFirstAndKeepTheirNumbers() {
    var all = listeners()
    _ = makeReady(&all, first)
    for data in ["a", "b"] { _ = all.publish(event(data)) }
    let effects = all.hear("RESULT 4\nFAIL", from: first)
    #expect(
      lines(effects) == [
        "WARN mail_0: event was rejected", "DEBG mail_0: BUSY -> ACKNOWLEDGED",
        "DEBG rebuffering event 0 for pool mail (buf size=1, max=10)",
      ])
    #expect(sent(all.hear("READY\n", from: first)) == ["mail_0 serial:0 poolserial:0 a"])
    _ = all.hear("RESULT 2\nOK", from: first)
    #expect(sent(all.hear("READY\n", from: first)) == ["mail_0 serial:1 poolserial:1 b"])
  }

  @Test func anEventOutlivesItsListener() {
    var all = listeners()
    _ = makeReady(&all, first)
    _ = all.publish(event("a"))
    _ = makeReady(&all, second)
    #expect(sent(all.processEnded(first)) == ["mail_1 serial:0 poolserial:0 a"])
    #expect(all.state(of: first) == .acknowledged)
    #expect(sent(all.processEnded(first)) == [])
    // A breach of the protocol frees it too.
    let effects = all.hear("what?\n", from: second)
    #expect(
      lines(effects) == [
        "WARN mail_1: bad result line: 'what?'", "DEBG mail_1: BUSY -> UNKNOWN",
        "WARN mail_1: has entered the UNKNOWN state and will no longer receive events, this "
          + "usually indicates the process violated the eventlistener protocol",
        "DEBG rebuffering event 0 for pool mail (buf size=0, max=10)",
      ])
    #expect(sent(makeReady(&all, first)) == ["mail_0 serial:0 poolserial:0 a"])
  }

  @Test func stoppingListenersGetNothingNew() {
    var all = listeners()
    _ = makeReady(&all, first)
    all.processIsStopping(first)
    #expect(sent(all.publish(event("a"))) == [])
    #expect(sent(makeReady(&all, second)) == ["mail_1 serial:0 poolserial:0 a"])
  }

  @Test func deafListenersArePassedOver() {
    var all = listeners()
    _ = makeReady(&all, first)
    _ = makeReady(&all, second)
    _ = all.publish(event("a"))
    let effects = all.couldNotWrite(to: first)
    #expect(sent(effects) == ["mail_1 serial:0 poolserial:0 a"])
    #expect(
      lines(effects).first
        == "DEBG epipe occurred while sending event 0 to listener mail_0, "
        + "listener state unchanged")
    #expect(all.state(of: first) == .ready)
    #expect(sent(all.publish(event("b"))) == [])
    _ = all.processEnded(first)
    #expect(sent(makeReady(&all, first)) == ["mail_0 serial:1 poolserial:1 b"])
  }

  @Test func theOldestGoWhenTheBufferIsFull() {
    var all = listeners(2)
    #expect(lines(all.publish(event("a")) + all.publish(event("b"))) == [])
    #expect(
      lines(all.publish(event("c")))
        == ["ERRO pool mail event buffer overflowed, discarding event 0"])
    #expect(all.pools[0].discardedCount == 1 && all.pools[0].waitingCount == 2)
    #expect(sent(makeReady(&all, first)) == ["mail_0 serial:1 poolserial:1 b"])
    // One that comes back is the oldest, but it is another that makes room for it.
    _ = all.publish(event("d"))
    #expect(
      lines(all.processEnded(first)) == [
        "DEBG rebuffering event 1 for pool mail (buf size=2, max=2)",
        "ERRO pool mail event buffer overflowed, discarding event 2",
      ])
    #expect(sent(makeReady(&all, first)) == ["mail_0 serial:1 poolserial:1 b"])
  }

  @Test func poolsNumberForThemselves() {
    var all = EventListeners(identifier: "x")
    let names = ["mail", "tick"]
    let subscriptions: [[ListenerEventType]] = [[.event, .tick], [.tick60]]
    _ = all.configure(
      zip(names, subscriptions).map { name, types in
        ListenerPoolConfiguration(
          name: name, subscriptions: types, bufferSize: 9, listeners: [name])
      })
    for name in names { _ = makeReady(&all, ListenerID(pool: name, name: name)) }
    #expect(all.wants(.tick5) && all.wants(.processLogStdout))
    let both = sent(all.publish(.tick(.fiveSeconds, whenSeconds: 5)))
    #expect(
      both == ["mail serial:0 poolserial:0 when:5"], "once, though two subscriptions bring it")
    _ = all.hear("RESULT 2\nOKREADY\n", from: ListenerID(pool: "mail", name: "mail"))
    #expect(
      sent(all.publish(.tick(.minute, whenSeconds: 60))) == [
        "mail serial:1 poolserial:1 when:60", "tick serial:1 poolserial:0 when:60",
      ])
  }

  @Test func whatNobodyWantsHasNoNumber() {
    var all = listeners()
    _ = makeReady(&all, first)
    #expect(all.publish(.tick(.minute, whenSeconds: 60)) == [])
    #expect(sent(all.publish(event("a"))) == ["mail_0 serial:0 poolserial:0 a"])
  }

  @Test func otherConfigurationsKeepWhatStays() {
    var all = listeners(3)
    for data in ["a", "b", "c"] { _ = all.publish(event(data)) }
    _ = makeReady(&all, first)
    #expect(sent(makeReady(&all, second)) == ["mail_1 serial:1 poolserial:1 b"])
    let effects = all.configure([pool(3, ["mail_1", "mail_2"])], identifier: "other")
    #expect(sent(effects) == [])
    #expect(lines(effects) == ["DEBG rebuffering event 0 for pool mail (buf size=1, max=3)"])
    #expect(all.state(of: first) == nil && all.state(of: second) == .busy)
    let next = makeReady(&all, ListenerID(pool: "mail", name: "mail_2"))
    #expect(sent(next) == ["mail_2 serial:0 poolserial:0 a"])
    _ = all.configure([])
    #expect(all.publish(event("d")) == [] && all.hear("READY\n", from: second) == [])
  }

  @Test func goesOnFromWhatWasKept() throws {
    var all = listeners()
    _ = makeReady(&all, first)
    for data in ["a", "b"] { _ = all.publish(event(data)) }
    _ = all.hear("RESULT 4\nFA", from: first)
    let kept = try JSONEncoder().encode(all)
    var again = try JSONDecoder().decode(EventListeners.self, from: kept)
    #expect(again == all)
    #expect(sent(again.hear("ILREADY\n", from: first)) == ["mail_0 serial:0 poolserial:0 a"])
    #expect(sent(makeReady(&again, second)) == ["mail_1 serial:1 poolserial:1 b"])
    #expect(again != all)
  }

  /// Whatever comes in whatever order: nothing stops the program, no event is sent to two at once,
  /// and none is lost but those counted.
  @Test func losesNothingUncounted() {
    for seed in 0..<300 {
      var numbers = SeededNumbers(UInt64(seed))
      var all = listeners(4)
      var (published, done) = (0, 0)
      let speeches = [
        "READY\n", "READY\n", "RESULT 2\nOK", "RESULT 4\nFAIL", "RESULT ", "2\nOK", "x",
      ]
      for _ in 0..<200 {
        let id = Bool.random(using: &numbers) ? first : second
        var effects: [ListenerEffect] = []
        switch Int.random(in: 0..<9, using: &numbers) {
        case 0, 1:
          effects = all.publish(event("\(published)"))
          published += 1
        case 2: effects = all.processStarted(id)
        case 3, 4: effects = all.processIsRunning(id)
        case 5: effects = all.processEnded(id)
        case 6: effects = all.couldNotWrite(to: id)
        case 7, 8:
          effects = all.hear(speeches.randomElement(using: &numbers) ?? "", from: id)
        case let other: Issue.record("\(other)")
        }
        done += lines(effects).count { $0.hasSuffix("event was processed") }
        let busy = [first, second].count { all.state(of: $0) == .busy }
        let pool = all.pools[0]
        let known = done + pool.waitingCount + pool.discardedCount
        // One that is busy and deaf may have lost its event to another.
        #expect(known <= published && known + busy >= published, "seed \(seed)")
        #expect(pool.waitingCount <= 4)
      }
    }
  }
}
