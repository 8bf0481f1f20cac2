// What supervisord passes over in silence, and its author can hardly have meant.

private let logKeys = ["stdout", "stderr"].flatMap { stream in
  [
    "\(stream)_logfile", "\(stream)_logfile_maxbytes", "\(stream)_logfile_backups",
    "\(stream)_capture_maxbytes", "\(stream)_events_enabled", "\(stream)_syslog",
  ]
}

private let programKeys =
  [
    "command", "process_name", "numprocs", "numprocs_start", "priority", "autostart", "autorestart",
    "startsecs", "startretries", "exitcodes", "stopsignal", "stopwaitsecs", "stopasgroup",
    "killasgroup", "redirect_stderr", "environment", "directory", "umask", "user", "serverurl",
  ] + logKeys

/// The options of each kind of section, by the beginning of its header.
private let knownKeys: [(header: String, keys: [String])] = [
  ("program:", programKeys),
  ("eventlistener:", programKeys + ["events", "buffer_size", "result_handler"]),
  (
    "fcgi-program:",
    programKeys + ["socket", "socket_backlog", "socket_owner", "socket_mode"]
  ),
  ("group:", ["programs", "priority"]),
  ("include", ["files"]),
  ("inet_http_server", ["port", "username", "password"]),
  ("unix_http_server", ["file", "chmod", "chown", "username", "password"]),
  (
    "supervisord",
    [
      "minfds", "minprocs", "directory", "user", "umask", "logfile", "logfile_maxbytes",
      "logfile_backups", "loglevel", "pidfile", "identifier", "nodaemon", "silent", "childlogdir",
      "nocleanup", "strip_ansi", "environment", "profile_options",
    ]
  ),
  ("supervisorctl", ["serverurl", "prompt", "username", "password", "history_file"]),
  ("rpcinterface:", []), ("ctlplugin:", []),
]

extension SupervisordReader {
  mutating func warnOfWhatIsIgnored() {
    for section in sections.all {
      guard let known = knownKeys.first(where: { section.name.hasPrefix($0.header) }) else {
        warnOfUnknown(section)
        continue
      }
      // The options of a plugin are its own.
      for key in section.keys where !known.keys.isEmpty {
        guard let option = section[key] else { continue }
        if known.keys.contains(key) {
          warnOfCut(option)
        } else {
          reading.warning(
            option.place, "supervisord does not know \(quoted(key)) and ignores it",
            hint: reading.hint(for: key, among: known.keys))
        }
      }
    }
  }

  /// What supervisord would do and superv does not.
  mutating func warnOfWhatIsMissing() {
    for section in sections.all {
      if section.name.hasPrefix("inet_http_server"), section["password"] == nil {
        reading.warning(
          section.place, "[\(section.name)] has no password, and superv does not serve it",
          hint: "whoever reached it could run anything: add `username` and `password`")
      }
      if section.name.hasPrefix("rpcinterface:"), section.name != "rpcinterface:supervisor" {
        reading.warning(
          section.place, "[\(section.name)] is written in Python, and superv does without it")
      }
      if section.name.hasPrefix("eventlistener:"), let handler = section["result_handler"],
        handler.text.pythonTrimmed != "supervisor.dispatchers:default_handler"
      {
        reading.warning(
          handler.place, "this handler is written in Python; superv takes `OK` and nothing else")
      }
    }
  }

  private mutating func warnOfUnknown(_ section: SupervisordSection) {
    let type = section.name.unicodeScalars.prefix { $0 != ":" }
    let types = knownKeys.map { String($0.header.prefix { $0 != ":" }) }
    let text = String(type).pythonTrimmed.lowercased()
    guard let near = nearestName(to: text, among: types) else { return }
    reading.warning(
      section.place, "supervisord does not know [\(section.name)] and ignores it",
      hint: "did you mean [\(near)\(section.name.contains(":") ? ":NAME" : "")]?")
  }

  /// A comment is fine; one that begins within quotation marks, or looks like a part of the value,
  /// is none that anybody meant.
  private mutating func warnOfCut(_ option: SupervisordOption) {
    guard let place = option.cut else { return }
    let marks = option.text.unicodeScalars
    let isOpen = ["'", "\""].contains { mark in
      marks.filter { $0 == mark }.count % 2 == 1
    }
    guard isOpen || reading.commentLooksLikeText(after: place) else { return }
    reading.warning(
      place, "supervisord takes the rest of this line for a comment, quotation marks or not",
      hint: "the value is \(quoted(option.text)); no white space before a `;` or `#` keeps it")
  }
}

extension Reading {
  /// Whether a `#` that begins a comment is followed by a character of a word: `#1`, `#fff`.
  fileprivate func commentLooksLikeText(after place: Place) -> Bool {
    var lines = Lines(files[place.file].bytes)
    while let line = lines.next() {
      guard line.number == place.line else { continue }
      guard let start = line.commentStart(in: .supervisord) else { return false }
      let next = line.bytes[start...].dropFirst().first
      return line.bytes[start] == UInt8(ascii: "#") && next.map(\.isWordByte) ?? false
    }
    return false
  }
}
