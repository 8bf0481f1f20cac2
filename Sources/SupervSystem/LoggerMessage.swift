/// What comes through a pipe to the logger.
package enum LogStreamKind: UInt8, CaseIterable, Hashable, Sendable {
  /// Lines of an agent: each becomes a record.
  case stdout = 1
  case stderr = 2
  /// Lines of the event log (one JSON object each): written as they are, whole lines only.
  case events = 3
  /// Anything else that is written as it is, whole lines only: records that the daemon makes.
  case raw = 4
}

/// How an agent's lines are written.
package enum LogFormat: UInt8, CaseIterable, Hashable, Sendable {
  case text = 1
  case json = 2
  /// The bytes as they come, unfinished lines too.
  case bytes = 3
}

/// Which process a stream comes from.
package struct LogOrigin: Hashable, Sendable {
  /// The name of the instance, as `status` shows it: `crawler` or `crawler:2`.
  package var name: String
  /// The name of the agent: `crawler`.
  package var agent: String
  package var instance: Int
  package var incarnation: UInt64
  /// 0: not known.
  package var processID: Int32

  package init(
    name: String, agent: String, instance: Int = 0, incarnation: UInt64 = 0, processID: Int32 = 0
  ) {
    self.name = name
    self.agent = agent
    self.instance = instance
    self.incarnation = incarnation
    self.processID = processID
  }
}

/// A log file, and when it is rotated.
package struct LogFileSettings: Hashable, Sendable {
  /// What stands in front of a name where the log of the system is meant, and no file.
  package static let systemLogMark = "syslog:"

  /// Absolute. Streams with the same path share the file.
  package var path: String
  /// Whether that is surely no file, or whoever looks at it sees another one.
  package var isDevice: Bool {
    // What is below /dev/shm is as good a file as any.
    path.hasPrefix(Self.systemLogMark) || path.hasPrefix("/proc/")
      || path.hasPrefix("/dev/") && !path.hasPrefix("/dev/shm/")
  }
  package var format: LogFormat
  /// The file is rotated before it would grow past this; 0 or less: never. A record that is longer
  /// stands alone in a file.
  package var maximumBytes: Int64
  /// How many rotated files are kept; 0: none, the full file is removed.
  package var maximumFiles: Int
  /// Under which name the log of the system gets a copy; nil: it gets none.
  package var systemLogName: String?

  package init(
    path: String, format: LogFormat = .text, maximumBytes: Int64 = 10 << 20, maximumFiles: Int = 5,
    systemLogName: String? = nil
  ) {
    self.path = path
    self.format = format
    self.maximumBytes = maximumBytes
    self.maximumFiles = maximumFiles
    self.systemLogName = systemLogName
  }
}

/// A stream that begins. The read end of its pipe travels with the message.
package struct LogStream: Hashable, Sendable {
  /// Chosen by the daemon, never used twice for one logger: not by the next daemon either.
  package var id: UInt64
  package var kind: LogStreamKind
  package var origin: LogOrigin
  package var file: LogFileSettings

  package init(id: UInt64, kind: LogStreamKind, origin: LogOrigin, file: LogFileSettings) {
    self.id = id
    self.kind = kind
    self.origin = origin
    self.file = file
  }

  /// It was handed over before its agent was started: its lines wait in the pipe until `identify`
  /// says which process writes them, or until there is no daemon that could say it.
  package var awaitsProcess: Bool {
    switch kind {
    case .stdout, .stderr: origin.processID == 0
    case .events, .raw: false
    }
  }
}

/// Which process writes to a stream; 0: none, it could not be started.
package struct StreamProcess: Hashable, Sendable {
  package var stream: UInt64
  package var processID: Int32

  package init(stream: UInt64, processID: Int32) {
    self.stream = stream
    self.processID = processID
  }
}

/// What a stream has brought since it was opened.
package struct StreamUsage: Hashable, Sendable {
  package var stream: UInt64
  package var lines: UInt64
  /// As they came out of the pipe.
  package var bytes: UInt64
  package var droppedLines: UInt64

  package init(stream: UInt64, lines: UInt64, bytes: UInt64, droppedLines: UInt64) {
    self.stream = stream
    self.lines = lines
    self.bytes = bytes
    self.droppedLines = droppedLines
  }
}

/// What the daemon tells the logger.
package enum LoggerCommand: Hashable, Sendable {
  /// Comes first, on every link.
  ///
  /// - directory: The log folder, made if it is missing (0750).
  /// - totalMaximumBytes: For all log files in it together; 0 or less: no cap.
  /// - mirrorsToTerminal: Whether agents' lines also go to the logger's stdout.
  case configure(directory: String, totalMaximumBytes: Int64, mirrorsToTerminal: Bool)
  case open(LogStream)
  /// Says of streams that were opened without a process which it is. At most
  /// `mostStreamsPerPacket`.
  case identify([StreamProcess])
  /// New settings for the file with this path and for all streams that share it.
  case update(LogFileSettings)
  /// Rotates the file at once if it is not empty; nil: every file that a stream is open for.
  case rotate(path: String?)
  /// Closes every file, so that the next line opens it by its name again (for logrotate).
  case reopen
  /// Begins a log anew: what its file holds goes, and its rotated files. What is still in pipes
  /// comes after it. What is no file, `/dev/stdout` say, is left alone.
  case clear(path: String)
  /// Asks for `usage`.
  case reportUsage
  /// Ends the logger when every stream has ended, or after so long.
  case finish(graceMilliseconds: UInt32)
}

extension LoggerCommand {
  /// The most streams in one message: 256 of 32 bytes are half a packet.
  package static let mostStreamsPerPacket = 256
  /// The longest path in one.
  package static let longestPathBytes = LoggerCoding.longestTextBytes
}

/// What the logger tells the daemon.
package enum LoggerReport: Hashable, Sendable {
  /// A stream has ended, and what it brought is written.
  ///
  /// - bytes: As they came out of the pipe.
  case closed(stream: UInt64, lines: UInt64, bytes: UInt64, droppedLines: UInt64)
  /// Lines for this file are being dropped.
  ///
  /// - code: The `errno`; `text`: what failed, for people.
  /// - sinceNanoseconds: Real time.
  case fault(path: String, code: Int32, text: String, sinceNanoseconds: Int64)
  /// The file is being written again.
  ///
  /// - droppedBytes: As they would have been written.
  case recovered(path: String, droppedLines: UInt64, droppedBytes: UInt64)
  /// What open streams have brought so far; those that have not brought more since the last such
  /// report may be left out.
  ///
  /// - isLast: nothing more follows for this question.
  case usage([StreamUsage], isLast: Bool)
  /// A stream that was open when this daemon came. The read end of its pipe travels with the
  /// message.
  case adopted(LogStream)
  /// Every stream that was open when this daemon came has been reported, or has ended.
  case adoptedAll
  /// So many reports before this one are lost, because the daemon did not read them.
  case lost(reports: UInt64)
}
