/// What stands behind supervisord's XML-RPC interface: the daemon, or a test's.
///
/// Every rule of the interface is on this side of the seam: names, checks, faults, texts and
/// orders. A world says what is, and does one thing to one process. What it does shows in its
/// answers at once, as far as it can: see each action.
package protocol SupervisordWorld {
  // MARK: supervisord

  var mood: SupervisordMood { get }
  /// The `identifier` of the configuration.
  var identification: String { get }
  var pid: Int { get }
  /// Unix seconds.
  var now: Int { get }
  /// What local time is ahead of UTC at this moment, in Unix seconds.
  func localOffsetSeconds(at time: Int) -> Int
  /// Ends all processes, then supervisord, which a restart begins anew.
  mutating func end(_ ending: SupervisordEnding)

  // MARK: Groups and processes

  /// The active groups in the order in which they were added.
  var groups: [SupervisordGroup] { get }
  /// Nil when no active group has it.
  func process(_ id: SupervisordProcessID) -> SupervisordProcess?
  /// What keeps its command from being run, as far as can be seen without trying.
  func commandFault(of id: SupervisordProcessID) -> SupervisordCommandFault?

  /// Starts a process that neither runs nor is being stopped.
  ///
  /// Afterwards it is starting, or running if it need not prove itself, or it says in `spawnError`
  /// why not.
  mutating func start(_ id: SupervisordProcessID)
  /// Begins to stop a process, which may take until a kill; one that waits for its next start is
  /// stopped at once.
  ///
  /// - Returns: what went wrong, if anything.
  mutating func stop(_ id: SupervisordProcessID) -> String?
  /// - Returns: what went wrong, if anything.
  mutating func send(signal: Int, to id: SupervisordProcessID) -> String?
  /// - Returns: whether its input is still open.
  mutating func write(_ bytes: [UInt8], toInputOf id: SupervisordProcessID) -> Bool

  // MARK: Configuration

  /// The path of the main log; nil when none is kept.
  var mainLogPath: String? { get }
  /// All programs of the configuration last read, in its order, active or not.
  var programs: [SupervisordProgram] { get }
  /// Reads the configuration and compares it with what is active, without changing that.
  ///
  /// - Returns: nil while it is still being read. Until there is an answer, the same question is
  ///   asked again.
  mutating func reread() -> Result<SupervisordChanges, SupervisordRereadError>?
  /// Makes a group of the configuration active, which starts what starts by itself.
  mutating func addGroup(_ name: String)
  /// Takes away an active group, all of whose processes are stopped.
  mutating func removeGroup(_ name: String)

  // MARK: Logs

  /// A part of a log's file.
  ///
  /// - Returns: ``SupervisordLogReading/pending`` while it is still being read. Until there is an
  ///   answer, the same question is asked again.
  mutating func read(_ log: SupervisordLog, _ part: SupervisordLogPart) -> SupervisordLogReading
  /// Removes the file of the main log and begins a new one.
  mutating func clearMainLog() -> SupervisordClearing
  /// Empties both logs of a process.
  mutating func clearLogs(of id: SupervisordProcessID) -> SupervisordClearing

  // MARK: Events

  /// Tells the event listeners of a `REMOTE_COMMUNICATION`.
  mutating func emitRemoteCommunication(type: String, data: String)
}

/// What supervisord is about; the raw values are those of its XML-RPC interface.
package enum SupervisordMood: Int, CaseIterable, Hashable, Sendable {
  case shutdown = -1
  case restarting = 0
  case running = 1
  case fatal = 2

  package var name: String {
    switch self {
    case .shutdown: "SHUTDOWN"
    case .restarting: "RESTARTING"
    case .running: "RUNNING"
    case .fatal: "FATAL"
    }
  }
}

package enum SupervisordEnding: Hashable, Sendable {
  case shutdown
  case restart
}

/// How a configuration differs from what is active: names of groups.
package struct SupervisordChanges: Hashable, Sendable {
  package var added: [String]
  package var changed: [String]
  package var removed: [String]

  package init(added: [String], changed: [String], removed: [String]) {
    self.added = added
    self.changed = changed
    self.removed = removed
  }
}

package struct SupervisordRereadError: Error, Hashable, Sendable {
  /// What is wrong with the configuration.
  package var explanation: String

  package init(_ explanation: String) { self.explanation = explanation }
}

package enum SupervisordLog: Hashable, Sendable {
  case main
  case stdout(SupervisordProcessID)
  case stderr(SupervisordProcessID)
}

package enum SupervisordLogPart: Hashable, Sendable {
  /// From an offset, which may lie behind the end; without a count all there is.
  case from(Int, count: Int?)
  /// The last bytes, as many as there are.
  case last(Int)
}

package enum SupervisordLogReading: Hashable, Sendable {
  case pending
  /// There is no such file.
  case missing
  /// It is there and cannot be read.
  case failed
  /// - Parameter sizeBytes: of the whole file.
  case bytes([UInt8], sizeBytes: Int)
}

package enum SupervisordClearing: Hashable, Sendable {
  case cleared
  case missing
  case failed
}
