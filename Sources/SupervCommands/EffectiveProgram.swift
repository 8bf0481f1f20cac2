import SupervConfig

// The same for supervisord's dialect, under supervisord's names.

/// `[supervisord]`.
func effective(_ settings: SupervisordSettings) -> JSONTree {
  let members: [JSONMember] = [
    JSONMember("logfile", .text(settings.logFile)),
    JSONMember("logfile_maxbytes", JSONTree(settings.logMaximumBytes)),
    JSONMember("logfile_backups", JSONTree(settings.logBackups)),
    JSONMember("loglevel", .text(settings.logLevel.rawValue)),
    JSONMember("pidfile", .text(settings.pidFile)),
    JSONMember("umask", .text(octal(settings.umask))),
    JSONMember("nodaemon", .flag(settings.staysInForeground)),
    JSONMember("silent", .flag(settings.isSilent)),
    JSONMember("minfds", JSONTree(settings.minimumDescriptors)),
    JSONMember("minprocs", JSONTree(settings.minimumProcesses)),
    JSONMember("nocleanup", .flag(settings.keepsChildLogs)),
    JSONMember("childlogdir", .text(settings.childLogDirectory)),
    JSONMember("user", JSONTree(settings.user)),
    JSONMember("directory", JSONTree(settings.directory)),
    JSONMember("strip_ansi", .flag(settings.stripsANSI)),
    JSONMember("environment", effective(settings.environment)),
    JSONMember("identifier", .text(settings.identifier)),
  ]
  return .object(members)
}

/// One process of `[program:NAME]` and its kin.
func effective(_ program: SupervisordProgram) -> JSONTree {
  let members: [JSONMember] = [
    JSONMember("process_name", .text(program.name)),
    JSONMember("group_name", .text(program.group)),
    JSONMember("program_name", .text(program.section)),
    JSONMember("command", .text(program.command)),
    JSONMember("priority", JSONTree(program.priority)),
    JSONMember("autostart", .flag(program.startsAutomatically)),
    JSONMember("autorestart", .text(program.restart.rawValue)),
    JSONMember("startsecs", JSONTree(program.startSeconds)),
    JSONMember("startretries", JSONTree(program.startRetries)),
    JSONMember("exitcodes", .list(program.exitCodes.map { .integer(Int64($0)) })),
    JSONMember("stopsignal", JSONTree(program.stopSignal)),
    JSONMember("stopwaitsecs", JSONTree(program.stopWaitSeconds)),
    JSONMember("stopasgroup", .flag(program.stopsGroup)),
    JSONMember("killasgroup", .flag(program.killsGroup)),
    JSONMember("user", JSONTree(program.user)),
    JSONMember("redirect_stderr", .flag(program.redirectsErrors)),
  ]
  let rest: [JSONMember] = [
    JSONMember("environment", effective(program.environment)),
    JSONMember("directory", JSONTree(program.directory)),
    JSONMember("umask", JSONTree(program.umask.map(octal))),
    JSONMember("serverurl", JSONTree(program.serverURL)),
  ]
  return .object(
    members + effective(program.output, "stdout") + effective(program.errors, "stderr") + rest)
}

private func effective(_ stream: SupervisordProgram.Stream, _ name: String) -> [JSONMember] {
  let file: JSONTree =
    switch stream.file {
    case .automatic: "AUTO"
    case .none: .null
    case .path(let path): .text(path)
    }
  return [
    JSONMember("\(name)_logfile", file),
    JSONMember("\(name)_logfile_maxbytes", JSONTree(stream.maximumBytes)),
    JSONMember("\(name)_logfile_backups", JSONTree(stream.backups)),
    JSONMember("\(name)_capture_maxbytes", JSONTree(stream.captureBytes)),
    JSONMember("\(name)_events_enabled", .flag(stream.sendsEvents)),
    JSONMember("\(name)_syslog", .flag(stream.goesToSyslog)),
  ]
}
