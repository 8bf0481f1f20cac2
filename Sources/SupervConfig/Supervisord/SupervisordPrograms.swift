// `[program:x]` and its kin: one section makes one process or several.

extension SupervisordReader {
  /// The processes of a section, in start order.
  ///
  /// - Parameter group: whose members they are.
  mutating func programs(
    of section: SupervisordSection, in group: String
  ) throws(Rejection) -> [SupervisordProgram] {
    let name = try name(of: section)
    let common = Expansions([
      ("here", .text(here)), ("program_name", .text(name)), ("host_node_name", hostName),
      ("group_name", .text(group)),
    ])
    let shared = try sharedOptions(of: section, group, common)
    let count = try value("numprocs", of: section, common, default: 1, supervisordInteger)
    let first = try value("numprocs_start", of: section, common, default: 0, supervisordInteger)
    let pattern = try namePattern(of: section)
    if count > 1, !pattern.contains("%(process_num)") {
      throw Rejection(
        sections.option("numprocs", of: section)?.place ?? section.place,
        "several processes of \(quoted(name)) would have one name",
        hint: "add `process_name = %(program_name)s_%(process_num)02d`")
    }
    guard count <= maximumInstances else {
      throw Rejection(
        sections.option("numprocs", of: section)?.place ?? section.place,
        "`numprocs` is \(count), and more than \(maximumInstances)")
    }
    var programs: [SupervisordProgram] = []
    for number in first..<(first + max(0, count)) {
      var numbered = common
      numbered["process_num"] = .number(number)
      numbered["numprocs"] = .number(count)
      programs.append(
        try program(shared, named: pattern, of: section, numbered.updated(with: environment)))
    }
    return programs.sorted(by: SupervisordProgram.startsBefore)
  }

  private func namePattern(of section: SupervisordSection) throws(Rejection) -> String {
    let text = sections.option("process_name", of: section)?.text ?? "%(program_name)s"
    return try converting("process_name", of: section) { () throws(ValueProblem) in
      try supervisordName(text)
    }
  }

  /// What is the same for all of them.
  private func sharedOptions(
    of section: SupervisordSection, _ group: String, _ names: Expansions
  ) throws(Rejection) -> SupervisordProgram {
    func get<Result>(
      _ key: String, _ fallback: Result, _ convert: (String) throws(ValueProblem) -> Result
    ) throws(Rejection) -> Result {
      try value(key, of: section, names, default: fallback, convert)
    }
    var program = SupervisordProgram(name: "", group: group)
    program.section = section.nameAfterColon
    program.priority = try get("priority", 999, supervisordInteger)
    program.startsAutomatically = try get("autostart", true, supervisordBoolean)
    program.restart = try get("autorestart", .unexpected, supervisordRestart)
    program.startSeconds = try get("startsecs", 1, supervisordInteger)
    program.startRetries = try get("startretries", 3, supervisordInteger)
    program.stopSignal = try get("stopsignal", 15, supervisordSignal)
    program.stopWaitSeconds = try get("stopwaitsecs", 10, supervisordInteger)
    program.stopsGroup = try get("stopasgroup", false, supervisordBoolean)
    program.killsGroup = try get("killasgroup", program.stopsGroup, supervisordBoolean)
    if program.stopsGroup, !program.killsGroup {
      throw Rejection(
        sections.option("killasgroup", of: section)?.place ?? section.place,
        "`stopasgroup` is true and `killasgroup` is not", hint: "leave `killasgroup` out")
    }
    program.exitCodes = try get("exitcodes", [0], supervisordExitCodes)
    program.redirectsErrors = try get("redirect_stderr", false, supervisordBoolean)
    program.output.captureBytes = try get("stdout_capture_maxbytes", 0, supervisordSize)
    program.output.sendsEvents = try get("stdout_events_enabled", false, supervisordBoolean)
    program.errors.captureBytes = try get("stderr_capture_maxbytes", 0, supervisordSize)
    program.errors.sendsEvents = try get("stderr_events_enabled", false, supervisordBoolean)
    program.serverURL = try text("serverurl", of: section, names)
    if program.serverURL?.pythonTrimmed.uppercased() == "AUTO" { program.serverURL = nil }
    program.user = try get("user", nil, user)
    program.umask = try get("umask", nil, supervisordOctal)
    return program
  }

  /// One of them.
  ///
  /// - Parameter names: of this one; `environment` of the section is added.
  private mutating func program(
    _ shared: SupervisordProgram, named pattern: String, of section: SupervisordSection,
    _ names: Expansions
  ) throws(Rejection) -> SupervisordProgram {
    var program = shared
    var names = names
    let raw = sections.option("environment", of: section)?.text ?? ""
    let (pairs, losses) = try converting("environment", of: section) {
      () throws(ValueProblem) in
      try keyValuePairs(try expand(raw, by: names))
    }
    warn(of: losses, in: "environment", section)
    program.environment = pairs
    for pair in pairs { names["ENV_\(pair.name)"] = .text(pair.value) }
    program.directory = try text("directory", of: section, names)
    program.output = try stream("stdout", shared.output, of: section, names)
    program.errors = try stream("stderr", shared.errors, of: section, names)
    if program.redirectsErrors {
      if case .path = program.errors.file {
        reading.warning(
          sections.option("stderr_logfile", of: section)?.place ?? section.place,
          "`stderr_logfile` is ignored because of `redirect_stderr`", hint: "take one of them out")
      }
      program.errors.file = .none
    }
    guard let command = try text("command", of: section, names) else {
      throw Rejection(
        section.place, "[\(section.name)] has no command", hint: "add `command = …`")
    }
    program.command = command
    program.name = try converting("process_name", of: section) { () throws(ValueProblem) in
      try expand(pattern, by: names)
    }
    return program
  }

  private mutating func stream(
    _ name: String, _ shared: SupervisordProgram.Stream, of section: SupervisordSection,
    _ names: Expansions
  ) throws(Rejection) -> SupervisordProgram.Stream {
    var stream = shared
    let key = "\(name)_logfile"
    var isSyslog = false
    if let once = try text(key, of: section, names) {
      // supervisord expands it twice.
      let path = try converting(key, of: section) { () throws(ValueProblem) in
        try expand(once, by: names)
      }
      switch path.lowercased() {
      case "none", "off": stream.file = .none
      case "auto": stream.file = .automatic
      case "syslog":
        stream.file = .none
        isSyslog = true
      default:
        stream.file = .path(
          try converting(key, of: section) { () throws(ValueProblem) in try pathInFolder(path) })
      }
    }
    stream.backups = try value(
      "\(key)_backups", of: section, names, default: 10, supervisordInteger)
    stream.maximumBytes = try value(
      "\(key)_maxbytes", of: section, names, default: 50 << 20, supervisordSize)
    stream.goesToSyslog = try value(
      "\(name)_syslog", of: section, names, default: false, supervisordBoolean)
    let place = sections.option(key, of: section)?.place ?? section.place
    if isSyslog {
      stream.goesToSyslog = true
      reading.warning(
        place, "`\(key) = syslog` is deprecated", hint: "write `\(name)_syslog = true`")
    }
    if stream.file == .automatic, stream.maximumBytes == 0 {
      reading.warning(
        place, "the log of \(quoted(section.name)) is never rotated",
        hint: "set `\(key)_maxbytes` above 0")
    }
    return stream
  }

  mutating func warn(of losses: [String], in key: String, _ section: SupervisordSection) {
    let place = sections.option(key, of: section)?.place ?? section.place
    for loss in losses {
      reading.warning(place, loss, hint: "put the value in quotation marks: `NAME=\"value\"`")
    }
  }
}

extension SupervisordSection {
  /// What follows the first colon of the header.
  var nameAfterColon: String {
    let parts = name.unicodeScalars.split(
      separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count > 1 ? String(parts[1]) : ""
  }
}

extension SupervisordProgram {
  static func startsBefore(_ one: Self, _ other: Self) -> Bool {
    SupervConfig.startsBefore((one.priority, one.name), (other.priority, other.name))
  }
}

/// By priority, then by name, as Python compares texts.
func startsBefore(_ one: (Int, String), _ other: (Int, String)) -> Bool {
  one.0 == other.0
    ? one.1.unicodeScalars.lexicographicallyPrecedes(other.1.unicodeScalars) : one.0 < other.0
}
