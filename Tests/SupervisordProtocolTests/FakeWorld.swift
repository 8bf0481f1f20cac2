import SupervisordProtocol

/// A supervisord without processes: what happens to them is decided by the test.
struct FakeWorld: SupervisordWorld {
  /// What a start leads to.
  enum Outcome {
    /// It proves itself for a while.
    case starting
    case running
    case fails(String)
  }

  var mood = SupervisordMood.running
  var identification = "supervisor"
  var pid = 4711
  var now = 1_795_292_047
  var localOffset = 0
  var groups: [SupervisordGroup] = []
  var processes: [SupervisordProcessID: SupervisordProcess] = [:]
  var commandFaults: [SupervisordProcessID: SupervisordCommandFault] = [:]
  var outcomes: [SupervisordProcessID: Outcome] = [:]
  /// What a stop, a signal or a write to one of them complains of.
  var problems: [SupervisordProcessID: String] = [:]
  var mainLogPath: String? = "/var/log/main.log"
  var programs: [SupervisordProgram] = []
  /// What a reading of the configuration finds; nil while it is being read.
  var changes: Result<SupervisordChanges, SupervisordRereadError>?
  /// The contents of the logs that exist.
  var logs: [SupervisordLog: [UInt8]] = [:]
  var logsAreSlow = false
  var logsAreBroken = false
  /// Everything done, in order.
  var deeds: [String] = []

  func localOffsetSeconds(at time: Int) -> Int { localOffset }
  func process(_ id: SupervisordProcessID) -> SupervisordProcess? { processes[id] }
  func commandFault(of id: SupervisordProcessID) -> SupervisordCommandFault? { commandFaults[id] }

  mutating func end(_ ending: SupervisordEnding) {
    deeds.append("\(ending)")
    mood = ending == .shutdown ? .shutdown : .restarting
  }

  mutating func start(_ id: SupervisordProcessID) {
    deeds.append("start \(id.namespec)")
    processes[id]?.started = now
    processes[id]?.exitStatus = 0
    processes[id]?.spawnError = ""
    switch outcomes[id] ?? .starting {
    case .starting: bring(id, .starting)
    case .running: bring(id, .running)
    case .fails(let why):
      bring(id, .backoff)
      processes[id]?.spawnError = why
    }
  }

  mutating func stop(_ id: SupervisordProcessID) -> String? {
    deeds.append("stop \(id.namespec)")
    if let problem = problems[id] { return problem }
    bring(id, processes[id]?.state == .backoff ? .stopped : .stopping)
    return nil
  }

  mutating func send(signal: Int, to id: SupervisordProcessID) -> String? {
    deeds.append("signal \(signal) \(id.namespec)")
    return problems[id]
  }

  mutating func write(_ bytes: [UInt8], toInputOf id: SupervisordProcessID) -> Bool {
    deeds.append("write \(String(decoding: bytes, as: UTF8.self)) \(id.namespec)")
    return problems[id] == nil
  }

  mutating func reread() -> Result<SupervisordChanges, SupervisordRereadError>? { changes }
  mutating func addGroup(_ name: String) { deeds.append("add \(name)") }
  mutating func removeGroup(_ name: String) { deeds.append("remove \(name)") }

  mutating func read(
    _ log: SupervisordLog, _ part: SupervisordLogPart
  ) -> SupervisordLogReading {
    guard !logsAreSlow else { return .pending }
    guard !logsAreBroken else { return .failed }
    guard let bytes = logs[log] else { return .missing }
    let slice =
      switch part {
      case .from(let offset, let count): bytes.dropFirst(offset).prefix(count ?? .max)
      case .last(let count): bytes.suffix(count)
      }
    return .bytes(Array(slice), sizeBytes: bytes.count)
  }

  mutating func clearMainLog() -> SupervisordClearing { clear(.main) }

  mutating func clearLogs(of id: SupervisordProcessID) -> SupervisordClearing {
    _ = clear(.stderr(id))
    return clear(.stdout(id))
  }

  private mutating func clear(_ log: SupervisordLog) -> SupervisordClearing {
    guard !logsAreBroken else { return .failed }
    guard logs[log] != nil else { return .missing }
    logs[log] = []
    return .cleared
  }

  mutating func emitRemoteCommunication(type: String, data: String) {
    deeds.append("event \(type) \(data)")
  }
}

extension FakeWorld {
  /// `a` alone, and the group `g` with `x` (priority 2) and `y` (priority 1); nothing was started.
  static var small: FakeWorld {
    var world = FakeWorld()
    world.add(group: "g", priority: 5, [("x", 2), ("y", 1)])
    world.add(group: "a", priority: 1, [("a", 999)])
    return world
  }

  mutating func add(group: String, priority: Int, _ members: [(name: String, priority: Int)]) {
    groups.append(
      SupervisordGroup(
        name: group, priority: priority,
        members: members.map { .init(name: $0.name, priority: $0.priority) }))
    for member in members {
      let id = SupervisordProcessID(group: group, name: member.name)
      processes[id] = SupervisordProcess(
        state: .stopped, pid: 0, started: 0, stopped: 0, spawnError: "", exitStatus: 0,
        stdoutLogPath: "/var/log/\(member.name).out", stderrLogPath: nil)
    }
  }

  /// Puts a process into a state, with a pid where there is one.
  mutating func bring(_ id: SupervisordProcessID, _ state: SupervisordState) {
    processes[id]?.state = state
    if state.isStopped { processes[id]?.stopped = now }
    processes[id]?.pid = state.isSignallable ? 100 + state.rawValue : 0
  }

  mutating func bring(_ namespec: String, _ state: SupervisordState) {
    bring(id(namespec), state)
  }

  func id(_ namespec: String) -> SupervisordProcessID {
    let words = namespec.split(separator: ":")
    return SupervisordProcessID(group: String(words[0]), name: String(words[words.count - 1]))
  }

  mutating func begin(_ method: String, _ parameters: XMLRPCValue...) -> SupervisordOperation {
    SupervisordRPC.begin(XMLRPCCall(method, parameters), in: &self)
  }

  /// The result of a call that has one at once, as `value` or `CODE text`.
  mutating func answer(_ method: String, _ parameters: XMLRPCValue...) -> String {
    var operation = SupervisordRPC.begin(XMLRPCCall(method, parameters), in: &self)
    guard let result = operation.advance(&self) else { return "pending" }
    return shown(result)
  }
}

/// A result in short: Python's way to write a value, or a fault's code and text.
func shown(_ result: Result<XMLRPCValue, SupervisordFault>?) -> String {
  switch result {
  case nil: "pending"
  case .success(let value): shown(value)
  case .failure(let fault): "\(fault.kind.rawValue) \(fault.text)"
  }
}

func shown(_ value: XMLRPCValue) -> String {
  switch value {
  case .int(let number): String(number)
  case .boolean(let flag): String(flag)
  case .string(let text), .dateTime(let text): text
  case .double(let number): String(number)
  case .base64(let bytes): String(decoding: bytes, as: UTF8.self)
  case .array(let values): "[\(values.map(shown).joined(separator: ", "))]"
  case .structure(let members):
    "{\(members.map { "\($0.name): \(shown($0.value))" }.joined(separator: ", "))}"
  case .nil: "nil"
  }
}
