// The control socket: events and where the log files are.

/// One event, as `superv events --json` and `events.ndjson` show it. Members that say nothing
/// about an event are left out.
package struct EventRecord: Codable, Hashable, Sendable {
  /// From 1, without gaps, while the state directory lives.
  package var seq: Int64
  /// RFC 3339, UTC, microseconds.
  package var time: String
  /// For example `agent.started`; docs/events-and-status.md lists them.
  package var event: String
  package var agent: String?
  package var supervisor: String?
  package var incarnation: Int?
  package var pid: Int32?
  package var exit: ExitReport?
  /// How long a restart waits.
  package var delaySeconds: Double?
  package var reason: String?

  package init(
    seq: Int64, time: String, event: String, agent: String? = nil, supervisor: String? = nil,
    incarnation: Int? = nil, pid: Int32? = nil, exit: ExitReport? = nil,
    delaySeconds: Double? = nil, reason: String? = nil
  ) {
    self.seq = seq
    self.time = time
    self.event = event
    self.agent = agent
    self.supervisor = supervisor
    self.incarnation = incarnation
    self.pid = pid
    self.exit = exit
    self.delaySeconds = delaySeconds
    self.reason = reason
  }

  private enum CodingKeys: String, CodingKey {
    case seq, time, event, agent, supervisor, incarnation, pid, exit, reason
    case delaySeconds = "delay_s"
  }
}

package struct EventsParams: Codable, Hashable, Sendable {
  /// Events after this one; nil for all that the daemon still holds.
  package var since: Int64?
  /// Go on with notifications of method `event`.
  package var follow: Bool
  /// Only events of this agent, instance or supervisor.
  package var agent: String?

  package init(since: Int64? = nil, follow: Bool = false, agent: String? = nil) {
    self.since = since
    self.follow = follow
    self.agent = agent
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    since = try container.decodeIfPresent(Int64.self, forKey: .since)
    follow = try container.decodeIfPresent(Bool.self, forKey: .follow) ?? false
    agent = try container.decodeIfPresent(String.self, forKey: .agent)
  }
}

package struct EventsReport: Codable, Hashable, Sendable {
  /// Oldest first.
  package var events: [EventRecord]
  /// The number that the next event will have.
  package var nextSeq: Int64
  /// The oldest event that the daemon still holds; older ones are in `events.ndjson`.
  package var oldestSeq: Int64

  package init(events: [EventRecord], nextSeq: Int64, oldestSeq: Int64) {
    self.events = events
    self.nextSeq = nextSeq
    self.oldestSeq = oldestSeq
  }

  private enum CodingKeys: String, CodingKey {
    case events
    case nextSeq = "next_seq"
    case oldestSeq = "oldest_seq"
  }
}

package struct LogsParams: Codable, Hashable, Sendable {
  /// Agents, instances or supervisors; nil for all.
  package var names: [String]?

  package init(names: [String]? = nil) { self.names = names }
}

/// Where the log files are; the client reads them itself.
package struct LogsReport: Codable, Hashable, Sendable {
  package enum Format: String, CaseIterable, Hashable, Sendable, Codable {
    case text, json
    /// What the agent has written and nothing else, as in the log files of supervisord's dialect.
    case bytes
  }

  package struct File: Codable, Hashable, Sendable {
    /// The instance.
    package var agent: String
    package var path: String
    package var format: Format
    /// Of format `bytes`: `stdout` or `stderr`.
    @OrNull package var stream: String?

    package init(agent: String, path: String, format: Format, stream: String? = nil) {
      self.agent = agent
      self.path = path
      self.format = format
      self.stream = stream
    }
  }

  package var directory: String
  package var files: [File]
  /// The file of events.
  package var events: String

  package init(directory: String, files: [File], events: String) {
    self.directory = directory
    self.files = files
    self.events = events
  }
}
