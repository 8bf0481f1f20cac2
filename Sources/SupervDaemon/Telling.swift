import SupervProtocol
import SupervSystem
import SupervisionTree

// What the daemon tells of what has happened: the event log, and whoever follows it.

/// What the tree has decided, as it was then.
struct DecidedNote {
  var note: Note
  /// The latest one of the agent.
  var process: AgentProcess?
  var realTimeNanoseconds: Int64
}

extension Daemon {
  /// Told at the end of the turn.
  func tell(_ event: StoryEvent, _ change: (inout StoryEvent) -> Void = { _ in }) {
    var event = event
    event.realTimeNanoseconds = realTimeNanoseconds
    change(&event)
    story.append(event)
    if front != nil { translate(event) }
  }

  /// The same, by whatever daemon comes to it, if what the next line of the journal says is done.
  func announce(_ event: StoryEvent, _ change: (inout StoryEvent) -> Void = { _ in }) {
    tell(event, change)
    journal.announced += story.suffix(1)
    journal.unwrittenCount += 1
  }

  /// In the place of a daemon that has died before it came to it.
  func announce(again event: StoryEvent) {
    story.append(event)
    journal.announced.append(event)
  }

  /// What a note says holds from now on, whenever it is told.
  func decided(_ note: Note) -> DecidedNote {
    let isKnown = agents.indices.contains(note.node.index)
    let process = isKnown ? agents[note.node.index]?.process : nil
    noteReadiness(note)
    return DecidedNote(note: note, process: process, realTimeNanoseconds: realTimeNanoseconds)
  }

  func tell(_ decided: DecidedNote) {
    let note = decided.note
    metrics.restarts.take(note)
    journal.untold.append(note)
    let event = StoryEvent(
      note.kind.rawValue, tree.isSupervisor(note.node) ? .supervisor : .agent, name: note.name,
      reason: .decided(note.reason))
    tell(event) {
      $0.realTimeNanoseconds = decided.realTimeNanoseconds
      $0.incarnation = note.incarnation
      if let process = decided.process, process.incarnation == note.incarnation,
        process.isAlive || note.kind == .agentExited
      {
        $0.pid = process.pid
      }
      if note.kind == .agentExited { $0.exit = tree.status(of: note.node).lastExit }
      $0.delay = note.due.map { max(.zero, $0 - kernel.now) }
    }
  }

  private func noteReadiness(_ note: Note) {
    switch note.kind {
    case .agentReady:
      let now = realTimeNanoseconds
      agents[note.node.index]?.process?.facts.readyRealTimeNanoseconds = now
    case .agentNotReady: agents[note.node.index]?.process?.facts.readyRealTimeNanoseconds = nil
    default: break
    }
  }

  func publish(_ story: [StoryEvent]) {
    guard !story.isEmpty else { return }
    let entries = story.map { events.add($0) }
    write(.telling(entries.map { String(decoding: $0.json, as: UTF8.self) }))
    journal.untold = []
    journal.announced = []
    for entry in entries {
      kernel.writeEvent(entry.json)
      for lost in control.followers(of: entry) where !sendEvent(entry, to: lost) {
        disconnect(lost, because: "it does not read its events")
      }
    }
    write(.told)
  }

  func take(_ report: LoggerReport) {
    switch report {
    case .closed, .usage, .adopted, .adoptedAll: break
    case .fault(let path, _, let text, _):
      tell(StoryEvent("log.fault", .daemon, reason: "\(path): \(text)"))
    case .recovered(let path, let lines, let bytes):
      let reason = "\(path): written again; \(lines) lines (\(bytes) bytes) were dropped"
      tell(StoryEvent("log.recovered", .daemon, reason: reason))
    case .lost(let reports):
      tell(StoryEvent("log.fault", .daemon, reason: "\(reports) reports of the logger are lost"))
    }
  }
}
