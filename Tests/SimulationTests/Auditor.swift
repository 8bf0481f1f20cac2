import SupervDaemon
import SupervisionTree

/// What must hold in every history. It compares what happens on the machine with what the event log
/// says and with what the tree was planned to be; of what superv thinks it knows nothing else.
final class Auditor {
  enum Rule: String, CaseIterable, Sendable {
    /// A process that superv does not know, or one of somebody else's that it touches.
    case stranger
    case twoProcesses, incarnation
    /// Every exit is told once, with its code.
    case exits
    /// The event log has every number once.
    case log
    case budget
    /// Nothing is stopped that has nothing to do with what happened.
    case untouched
    case calls
    /// An operator gets one answer.
    case requests
    /// What an operator stopped stays stopped.
    case stopped
    case needs, order
    /// A stop becomes a kill in time.
    case escalation
    /// The journal says what the tree is.
    case journal
    /// What died is up again in time, or it is said why not.
    case recovery
    /// superv comes to rest.
    case rest
  }

  struct Violation: Hashable, Sendable, CustomStringConvertible {
    let rule: Rule
    let text: String
    var description: String { "\(rule.rawValue): \(text)" }
  }

  /// As the event log tells of an instance.
  struct View {
    var isRunning = false
    var isReady = false
    var isStopping = false
    /// When its stop began, in served time; nil when it is not stopped or has been killed.
    var stopBegan: Duration?
    var hasEndedNormally = false
    /// When it ended by itself, and nothing has been decided that is not a restart.
    var endedByItself: MonotonicTime?
    /// When it has to be started again or something else be told of it, in served time.
    var owed: Duration?
  }

  struct End {
    let termination: Termination
    /// In served time.
    let time: Duration
    /// Nobody was there who could have learned how it ended.
    var isLost = false
    var isTold = false
  }

  /// What anything may take longer than it should: late alarms, slow turns, starts of daemons.
  static let patience = Duration.seconds(4)

  var plan: TreePlan
  /// Nothing is known of the order and budgets of a tree after a reload.
  var isPlanKnown = true
  /// Everything is being stopped.
  var isEnding = false
  private(set) var violation: Violation?
  /// What happened, for people, where somebody wants to read it.
  var isTelling = false
  private(set) var story: [String] = []

  var views: [String: View] = [:]
  var ends: [String: [UInt64: End]] = [:]
  private var incarnations: [String: UInt64] = [:]
  private var lines: [[UInt8]] = []
  /// Decisions to restart: by the child of the root, or by the supervisor.
  var restarts: [String: [MonotonicTime]] = [:]
  /// Told to end in this turn: what for is only told at its end.
  private var stops: [(name: String, what: String)] = []
  /// Stopped by an operator, who was told so.
  var held: Set<String> = []
  /// Whose processes an operator may have had stopped.
  var licensed: Set<String> = []
  /// Supervisors that have had a reason to stop their children.
  var disturbed: Set<String> = []
  /// Those that have ever died, or failed to start.
  var unlucky: Set<String> = []
  var failedStarts: Set<String> = []
  /// The last incarnation that was killed.
  private(set) var killed: [String: UInt64] = [:]

  init(_ plan: TreePlan) { self.plan = plan }

  func complain(_ rule: Rule, _ text: String) {
    if violation == nil { violation = Violation(rule: rule, text: text) }
    note("!! \(rule.rawValue): \(text)")
  }

  func note(_ text: @autoclosure () -> String) {
    if isTelling { story.append(text()) }
  }

  private func note(_ machine: Machine, _ text: @autoclosure () -> String) {
    if isTelling { story.append("\(machine.now.nanoseconds / 1_000_000) ms: \(text())") }
  }

  // MARK: - On the machine

  func starts(_ name: String, _ incarnation: UInt64, in machine: Machine) {
    note(machine, "start \(name) \(incarnation)")
    if machine.process(of: name) != nil {
      complain(.twoProcesses, "\(name) is started while it runs")
    }
    if incarnation <= incarnations[name, default: 0] {
      complain(.incarnation, "\(name): \(incarnation) is used again")
    }
    let above = plan.ancestors(of: name).map(\.name)
    if let by = ([name] + above).first(where: held.contains), isPlanKnown || by == name {
      complain(.stopped, "\(name) is started, and an operator has stopped \(by)")
    }
  }

  func runs(_ name: String, _ incarnation: UInt64) { incarnations[name] = incarnation }

  func failsToStart(_ name: String) {
    unlucky.insert(name)
    failedStarts.insert(name)
  }

  func ended(_ name: String, _ incarnation: UInt64, _ termination: Termination) {
    note("\(name) \(incarnation) ends: \(termination)")
    unlucky.insert(name)
    views[name]?.stopBegan = nil
    ends[name, default: [:]][incarnation] = End(termination: termination, time: served)
  }

  /// Keeper and daemon are dead: process 1 reaps, and tells nobody.
  func nobodyIsThere(but living: [(name: String, incarnation: UInt64)]) {
    for name in ends.keys {
      for (incarnation, end) in ends[name] ?? [:] where !end.isTold {
        ends[name]?[incarnation]?.isLost = true
      }
    }
    lostIncarnations.formUnion(living.map { "\($0.name) \($0.incarnation)" })
  }
  private var lostIncarnations: Set<String> = []
  var served = Duration.zero

  func signalled(_ process: Machine.Process, _ number: Int32, in machine: Machine) {
    note(machine, "signal \(number) to \(process.name) \(process.incarnation)")
    if process.launch != nil, process.isLiving { stops.append((process.name, "signal \(number)")) }
  }

  func killed(_ process: Machine.Process, in machine: Machine) {
    note(machine, "kill \(process.name) \(process.incarnation)")
    views[process.name]?.stopBegan = nil
    killed[process.name] = process.incarnation
    if process.launch != nil, process.isLiving { stops.append((process.name, "a kill")) }
  }

  // MARK: - In the event log

  func told(_ bytes: [UInt8], in machine: Machine) {
    let line = EventLine(bytes)
    if line.sequence <= lines.count, line.sequence > 0 {
      if lines[line.sequence - 1] != bytes {
        complain(.log, "event \(line.sequence) is written again, and says something else")
      }
      return
    }
    if line.sequence != lines.count + 1 {
      complain(.log, "event \(line.sequence) comes after \(lines.count)")
      while lines.count < line.sequence - 1 { lines.append([]) }
    }
    lines.append(bytes)
    note(
      machine,
      "  [\(line.sequence)] \(line.event) \(line.name) \(line.incarnation) (\(line.reason))")
    if line.event.hasPrefix("agent.") { tellAgent(line, machine) }
    if line.event.hasPrefix("supervisor.") { tellSupervisor(line, machine) }
    if line.event == "daemon.stopping" { isEnding = true }
    if line.event == "daemon.started" { forgetTree() }
  }

  /// Another tree begins.
  private func forgetTree() {
    isEnding = false
    views = [:]
    restarts = [:]
  }

  func checkExit(_ line: EventLine) {
    guard let end = ends[line.name]?[line.incarnation] else {
      let isLost = lostIncarnations.contains("\(line.name) \(line.incarnation)")
      if !isLost { complain(.exits, "\(line.name) \(line.incarnation) has ended, says the log") }
      return
    }
    if end.isTold { complain(.exits, "\(line.name) \(line.incarnation) ends twice") }
    ends[line.name]?[line.incarnation]?.isTold = true
    let isLost = end.isLost || lostIncarnations.contains("\(line.name) \(line.incarnation)")
    if !line.tells(end.termination), !(isLost && line.tells(.unknown)) {
      complain(.exits, "\(line.name) \(line.incarnation): \(end.termination), not \(line.reason)")
    }
  }

  // MARK: - From time to time

  /// A turn is over, and everything is told that was done in it.
  func turnIsOver() {
    for (name, what) in stops { checkStop(name, what) }
    stops = []
  }

  /// Whatever has to be done by now is.
  func checkTimes(_ machine: Machine) {
    served = machine.served
    for (name, view) in views {
      if let began = view.stopBegan, let agent = plan.agent(of: name), isPlanKnown,
        machine.process(of: name) != nil
      {
        let span = agent.drainMilliseconds + agent.stopMilliseconds
        if served > began + .milliseconds(span) + Self.patience {
          complain(.escalation, "\(name) was told to end long ago, and is not killed")
        }
      }
      if let owed = view.owed, isPlanKnown, !isEnding, served > owed + Self.patience {
        complain(.recovery, "\(name) has ended, and nothing comes of it")
      }
    }
    for (name, list) in ends {
      for (incarnation, end) in list where !end.isTold && served > end.time + Self.patience {
        complain(.exits, "\(name) \(incarnation) has ended, and nobody tells")
      }
    }
  }
}
