package import SupervConfig
package import SupervSystem
package import SupervisionTree

/// One incarnation of one agent, as daemon and kernel name it to each other.
package struct ProcessKey: Hashable, Sendable {
  package var node: NodeID
  package var incarnation: UInt64

  package init(node: NodeID, incarnation: UInt64) {
    self.node = node
    self.incarnation = incarnation
  }
}

/// A connection. Its number is that of no other connection, whichever the door, and never reused.
package struct ConnectionID: Hashable, Sendable {
  /// The socket that it came in on.
  package enum Door: UInt8, CaseIterable, Sendable {
    case control, http, agent
    /// One of supervisord's HTTP servers.
    case supervisord
  }

  package let door: Door
  package let number: UInt64

  package init(_ door: Door, number: UInt64) {
    self.door = door
    self.number = number
  }

  package static func == (left: Self, right: Self) -> Bool { left.number == right.number }

  package func hash(into hasher: inout Hasher) { hasher.combine(number) }
}

/// Who connected.
package enum Caller: Hashable, Sendable {
  case control(PeerCredentials)
  case http
  /// At which of supervisord's servers.
  case supervisord(server: Int)
  /// A process of this agent, as the kernel says.
  case agent(ProcessKey, PeerCredentials)
  /// On the agents' socket, and no agent's process; with what was looked for in vain.
  case stranger(PeerCredentials, why: String)
}

/// One run of one probe. Never reused.
package struct ProbeID: Hashable, Sendable {
  package let number: UInt64

  package init(number: UInt64) { self.number = number }
}

/// How a probe ended, unless its time was over before.
package enum ProbeOutcome: Hashable, Sendable {
  case passed
  /// What was seen instead, for people.
  case failed(String)
}

/// Everything needed to start one incarnation.
package struct Launch: Hashable, Sendable {
  package var key: ProcessKey
  package var agent: AgentDefinition
  /// The whole environment, `NAME=value`.
  package var environment: [String]
  package var log: LogFileSettings
  /// Where standard error goes; nil: to the same place.
  package var errorLog: LogFileSettings?
  /// The outputs that come to the daemon, as `output`, and go on from there: the logger gets what
  /// `writeOutput` says.
  package var taps: Set<OutputChannel> = []

  package init(
    key: ProcessKey, agent: AgentDefinition, environment: [String], log: LogFileSettings,
    errorLog: LogFileSettings? = nil, taps: Set<OutputChannel> = []
  ) {
    self.key = key
    self.agent = agent
    self.environment = environment
    self.log = log
    self.errorLog = errorLog
    self.taps = taps
  }
}

package enum OutputChannel: String, CaseIterable, Codable, Hashable, Sendable {
  case stdout, stderr
}

/// One reading of a file. Never reused.
package struct FileReadID: Hashable, Sendable {
  package let number: UInt64

  package init(number: UInt64) { self.number = number }
}

package enum FilePart: Hashable, Sendable {
  /// So many bytes from an offset, fewer at the end of the file; none where that lies before it.
  case from(Int, count: Int)
  /// The last ones, as many as there are.
  case last(Int)
}

/// What keeps a file from being executed; with its path.
package enum CommandFault: Hashable, Sendable {
  case notFound(String)
  case isFolder(String)
  case notExecutable(String)
  case notPermitted(String)
}

/// What was found of a file.
package enum FileRead: Hashable, Sendable {
  case missing
  /// It cannot be read; for people.
  case failed(String)
  /// `sizeBytes` and `inode` are those of the file that the bytes are from.
  case bytes([UInt8], sizeBytes: Int, inode: UInt64)
}

/// Why a process could not be started, for people: stage, path and error.
package struct LaunchError: Error, Hashable, Sendable {
  package var description: String

  package init(_ description: String) { self.description = description }
}

/// What the daemon learns. Within one wake-up they come in the order of this list, so that a sign
/// of life beats the timer that waits for it.
package enum KernelEvent: Sendable {
  /// So many processes that an incarnation had left behind were killed; `ended` follows, unless
  /// they turned up after it.
  case leftBehind(ProcessKey, Int)
  /// The process of an incarnation has ended, and what it had started with it.
  case ended(ProcessKey, Termination)
  case logger(LoggerReport)
  case signal(Signal)
  case connected(ConnectionID, Caller)
  case received(ConnectionID, [UInt8])
  /// A datagram of sd_notify(3), cut off somewhere behind the longest that there may be; nil: from
  /// no agent's process, or from one that is gone.
  case notified(ProcessKey?, sender: Int32, [UInt8])
  /// It wrote a newline to its `notify_fd`.
  case notifyDescriptor(ProcessKey)
  case probeEnded(ProbeID, ProbeOutcome)
  /// What an incarnation uses has got past a limit.
  case limit(ProcessKey, LimitNews)
  /// What a process has written to an output that the daemon itself reads (`Launch.taps`).
  case output(ProcessKey, OutputChannel, [UInt8])
  /// A process does not read its standard input any more: what waited for it is lost.
  case inputClosed(ProcessKey)
  /// What `readFile(_:_:_:)` asked for.
  case fileRead(FileReadID, FileRead)
  /// What `beginSurvey` asked for.
  case surveyed(Survey)
  /// The journal could not be written, for people.
  case journalFault(String)
  case disconnected(ConnectionID)
  /// The time given to `setAlarm` has come.
  case alarm
}

/// The machine under the daemon, as operations that mean something to it. `LinuxKernel` is the real
/// one; tests put a scripted one in its place. Nothing here waits, except `wait`.
package protocol Kernel: AnyObject {
  var now: MonotonicTime { get }
  /// Since 1970-01-01 UTC.
  var realTimeNanoseconds: Int64 { get }

  /// Starts a process and watches it; `ended` follows exactly once.
  ///
  func start(_ launch: Launch) throws(LaunchError) -> ProcessFacts
  /// Watches a process that an earlier daemon has started; `ended` follows exactly once, also where
  /// it has ended since.
  ///
  /// - Parameter launch: nil for one whose agent is not in the configuration any more. Of it count
  ///   agent and log.
  /// - Returns: false when its program was never executed, and no process is left of it.
  func adopt(_ process: ProcessFacts, as launch: Launch?) -> Bool
  /// Sends a signal to the whole process group of an incarnation that runs; to its process alone
  /// where that is how supervisord does it.
  func signal(_ process: ProcessKey, _ signal: Signal)
  /// Kills all processes of an incarnation that runs.
  func kill(_ process: ProcessKey)

  /// Begins a probe of kind command, http, tcp or unix; `probeEnded` follows unless it is
  /// cancelled.
  /// Of the launch, a command takes folder, user, limits and environment.
  func startProbe(_ probe: ProbeID, _ kind: ProbeKind, as launch: Launch)
  /// Ends a probe whose time is over, and every process of it.
  func cancelProbe(_ probe: ProbeID)
  /// The commands that probe.
  var probePids: [Int32] { get }
  /// The agent that a process belongs to now, by session, ancestry and control group.
  func owner(ofProcess pid: Int32) -> ProcessKey?

  /// Processes that have lost their parents and live, by the incarnation that they came from, which
  /// may have ended. Not newer than a moment.
  func orphans() -> [ProcessKey: [Int32]]
  /// Why the kernel cannot keep a limit of a whole process tree; nil: it can.
  func problem(keeping limit: TreeLimit) -> String?
  var controlGroups: ControlGroupsReport { get }
  /// How much there is of what the kernel keeps for the daemon.
  var tableSizes: [TableSize] { get }
  var journalBytes: Int { get }
  /// Has the keeper say something to the service manager (sd_notify(3)).
  func tellManager(_ assignments: String)

  /// Finds out, without keeping anything else waiting, what every agent uses; `surveyed` follows.
  /// Asked again meanwhile, there is one answer.
  func beginSurvey()

  /// The one alarm; nil turns it off. It may come early, and then for nothing.
  func setAlarm(at time: MonotonicTime?)
  /// Waits for something to happen and adds it to `events`.
  func wait(_ events: inout [KernelEvent])

  /// Queues bytes for a connection; false when its queue is full or it is gone.
  func send(_ bytes: [UInt8], to connection: ConnectionID) -> Bool
  /// Queues one message that is put together where it waits to be sent; false, and nothing is, when
  /// the queue might not hold it or is gone.
  ///
  /// - Parameter maximumBytes: no message that `write` makes is longer.
  func send(
    to connection: ConnectionID, maximumBytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void
  ) -> Bool
  /// Sends what is queued, as far as peers take it at once. `wait` does the same for what comes
  /// after, and sees to those that do not.
  func send()
  /// Closes a connection at the end of the turn, whether or not its peer has read everything.
  func close(_ connection: ConnectionID)

  /// Appends whole lines to the journal, for a daemon that comes after this one. What cannot be
  /// written is told once as a `journalFault`; nothing waits for it.
  ///
  /// - Returns: false when the journal lacks them from now on.
  func appendToJournal(_ lines: [UInt8]) -> Bool
  /// Puts a new journal into the place of the old one, whole or not at all.
  ///
  /// - Returns: false when the old one is still there.
  func replaceJournal(_ lines: [UInt8]) -> Bool
  /// As `JournalHeader` has it.
  var boot: String { get }

  /// Appends one line, without its newline, to the event log.
  func writeEvent(_ line: [UInt8])
  /// Appends one line, without its newline, to the log of an agent, beside what it prints. What the
  /// logger does not take in time is dropped and counted, and the log says so.
  ///
  /// - Returns: false when there are no descriptors left for it.
  func writeLog(_ line: [UInt8], to place: AgentLogPlace) -> Bool
  /// Appends bytes, as they are, to the log file of a tapped output. They are dropped and counted
  /// as those of `writeLog` are.
  func writeOutput(_ bytes: [UInt8], of process: ProcessKey, _ channel: OutputChannel)
  /// Queues bytes for the standard input of a program of supervisord's.
  ///
  /// - Returns: false, and nothing is queued, when it has none or more than 1 MiB would wait.
  func writeInput(_ bytes: [UInt8], to process: ProcessKey) -> Bool
  /// Has a part of a file read, however long the disk takes; `fileRead` follows exactly once. At
  /// most 4 MiB.
  func readFile(_ id: FileReadID, _ path: String, _ part: FilePart)
  /// Begins log files anew, without what they hold and without those that were rotated.
  func clearLog(_ path: String)
  /// New settings of a log file whose streams stay open.
  func updateLog(_ settings: LogFileSettings)

  /// What local time is ahead of UTC then.
  func utcOffsetSeconds(atUnixSeconds seconds: Int) -> Int32
  /// Why a command cannot be executed, as far as a look at its file says.
  func fault(ofCommand command: [String], environment: [String]) -> CommandFault?
  /// From the daemon's own environment, as it is now.
  func environmentVariable(_ name: String) -> String?
  /// Of all of them.
  var environmentNames: [String] { get }
  func readFile(_ path: String, limit: Int) throws(SystemError) -> [UInt8]
  func user(_ name: String) -> UserDatabase.User?
}

/// What there is of cgroup v2 for agents.
package struct ControlGroupsReport: Hashable, Sendable {
  /// The folder of this tree; nil without one.
  package var path: String?
  /// Those that have been asked for and that the kernel has.
  package var controllers: [String] = []
  /// Why there is none.
  package var problem: String?

  package init() {}
}

extension Kernel {
  package var environmentNames: [String] { [] }
  package var tableSizes: [TableSize] { [] }
  package var journalBytes: Int { 0 }
  package func tellManager(_ assignments: String) {}
  package func send() {}
  package var probePids: [Int32] { [] }
  package func utcOffsetSeconds(atUnixSeconds seconds: Int) -> Int32 { 0 }
  package func fault(ofCommand command: [String], environment: [String]) -> CommandFault? { nil }
  package func writeOutput(_ bytes: [UInt8], of process: ProcessKey, _ channel: OutputChannel) {}
  package func writeInput(_ bytes: [UInt8], to process: ProcessKey) -> Bool { false }
  package func readFile(_ id: FileReadID, _ path: String, _ part: FilePart) {}
  package func clearLog(_ path: String) {}
  package func orphans() -> [ProcessKey: [Int32]] { [:] }
  package func problem(keeping limit: TreeLimit) -> String? { nil }
  package var controlGroups: ControlGroupsReport { ControlGroupsReport() }
}
