/// One process as the configuration file last read describes it, for `getAllConfigInfo`.
package struct SupervisordProgram: Hashable, Sendable {
  /// Where one of the two outputs goes.
  package struct Output: Hashable, Sendable {
    package enum File: Hashable, Sendable {
      case path(String)
      /// Chosen by supervisord, not yet chosen (`AUTO`).
      case automatic
      /// Kept nowhere (`NONE`).
      case none
    }

    package var file: File
    package var maximumBytes = 50 << 20
    package var backupCount = 10
    package var captureMaximumBytes = 0
    package var eventsAreEnabled = false
    package var goesToSyslog = false

    package init(_ file: File) { self.file = file }
  }

  package var id: SupervisordProcessID
  package var groupPriority = 999
  package var priority = 999
  package var command: String
  package var directory: String?
  package var userID: Int?
  package var serverURL: String?
  package var startsByItself = true
  package var startSeconds = 1
  package var startRetries = 3
  package var exitCodes = [0]
  package var stopSignal = 15
  package var stopWaitSeconds = 10
  package var killsAsGroup = false
  package var redirectsStderr = false
  package var stdout = Output(.automatic)
  package var stderr = Output(.automatic)

  package init(id: SupervisordProcessID, command: String) {
    self.id = id
    self.command = command
  }

  /// With supervisord's names, in its order.
  func structure(isInUse: Bool) -> XMLRPCValue {
    let members: [(String, XMLRPCValue)] = [
      ("autostart", .boolean(startsByItself)),
      ("directory", .string(directory ?? "none")),
      ("uid", userID.map { .cappedInt($0) } ?? .string("none")),
      ("command", .string(command)),
      ("exitcodes", .array(exitCodes.map { .cappedInt($0) })),
      ("group", .string(id.group)),
      ("group_prio", .cappedInt(groupPriority)),
      ("inuse", .boolean(isInUse)),
      ("killasgroup", .boolean(killsAsGroup)),
      ("name", .string(id.name)),
      ("process_prio", .cappedInt(priority)),
      ("redirect_stderr", .boolean(redirectsStderr)),
      ("startretries", .cappedInt(startRetries)),
      ("startsecs", .cappedInt(startSeconds)),
    ]
    let stop: [(String, XMLRPCValue)] = [
      ("stopsignal", .cappedInt(stopSignal)),
      ("stopwaitsecs", .cappedInt(stopWaitSeconds)),
    ]
    let all =
      members + stdout.members("stdout") + stop + stderr.members("stderr")
      + [("serverurl", .string(serverURL ?? "none"))]
    return .structure(all.map { XMLRPCMember($0.0, $0.1) })
  }
}

extension SupervisordProgram.Output {
  fileprivate func members(_ channel: String) -> [(String, XMLRPCValue)] {
    let path =
      switch file {
      case .path(let path): path
      case .automatic: "auto"
      case .none: "none"
      }
    return [
      ("\(channel)_capture_maxbytes", .cappedInt(captureMaximumBytes)),
      ("\(channel)_events_enabled", .boolean(eventsAreEnabled)),
      ("\(channel)_logfile", .string(path)),
      ("\(channel)_logfile_backups", .cappedInt(backupCount)),
      ("\(channel)_logfile_maxbytes", .cappedInt(maximumBytes)),
      ("\(channel)_syslog", .boolean(goesToSyslog)),
    ]
  }
}

extension XMLRPCValue {
  /// The nearest number that fits into the 32 bits of XML-RPC.
  static func cappedInt(_ value: Int) -> Self {
    .int(min(max(value, Int(Int32.min)), Int(Int32.max)))
  }
}
