// `[supervisord]` itself, its HTTP servers, plugins, and `[supervisorctl]`.

extension SupervisordReader {
  /// `[supervisord]`; nil after a complaint. Its `environment` counts for all that is read later.
  mutating func settings() -> SupervisordSettings? {
    guard let section = sections["supervisord"] else { return nil }
    do {
      return try settings(section)
    } catch {
      reject(error)
      return nil
    }
  }

  private mutating func settings(
    _ section: SupervisordSection
  ) throws(Rejection) -> SupervisordSettings {
    let names = Expansions([("here", .text(here))])
    func get<Result>(
      _ key: String, _ fallback: Result, _ convert: (String) throws(ValueProblem) -> Result
    ) throws(Rejection) -> Result {
      try value(key, of: section, names, default: fallback, convert)
    }
    var settings = SupervisordSettings()
    settings.minimumDescriptors = try get("minfds", 1024, supervisordInteger)
    settings.minimumProcesses = try get("minprocs", 200, supervisordInteger)
    settings.directory = try get("directory", nil, folder)
    settings.user = try get("user", nil, user)
    settings.umask = try get("umask", 0o022, supervisordOctal)
    let log = try get("logfile", "supervisord.log", pathInFolder)
    settings.logFile = log == "syslog" ? log : normalized(log)
    settings.logMaximumBytes = try get("logfile_maxbytes", 50 << 20, supervisordSize)
    settings.logBackups = try get("logfile_backups", 10, supervisordInteger)
    settings.logLevel = try get("loglevel", .info, supervisordLogLevel)
    settings.pidFile = normalized(try get("pidfile", "supervisord.pid", pathInFolder))
    settings.identifier = try text("identifier", of: section, names) ?? "supervisor"
    settings.staysInForeground = try get("nodaemon", false, supervisordBoolean)
    settings.isSilent = try get("silent", false, supervisordBoolean)
    settings.childLogDirectory = try get(
      "childlogdir", reading.source.environmentVariable("TMPDIR") ?? "/tmp", folder)
    settings.keepsChildLogs = try get("nocleanup", false, supervisordBoolean)
    settings.stripsANSI = try get("strip_ansi", false, supervisordBoolean)
    settings.environment = try environment(of: section, names)
    for pair in settings.environment { environment["ENV_\(pair.name)"] = .text(pair.value) }
    return settings
  }

  /// Expanded twice, and the second time by more names.
  private mutating func environment(
    of section: SupervisordSection, _ names: Expansions
  ) throws(Rejection) -> [EnvironmentVariable] {
    let once = try text("environment", of: section, names) ?? ""
    let all = names.updated(with: Expansions([("host_node_name", hostName)]))
    let outer = environment
    let (pairs, losses) = try converting("environment", of: section) {
      () throws(ValueProblem) in
      try keyValuePairs(try expand(once, by: all.updated(with: outer)))
    }
    warn(of: losses, in: "environment", section)
    return pairs
  }

  // MARK: Servers

  /// Those on TCP first.
  mutating func servers() -> [SupervisordServer] {
    var servers: [SupervisordServer] = []
    for type in ["inet_http_server", "unix_http_server"] {
      for section in sections.all where section.name.hasPrefix(type) {
        do {
          let address =
            type.hasPrefix("unix") ? try unixAddress(section) : try inetAddress(section)
          let (userName, password) = try credentials(of: section)
          servers.append(
            SupervisordServer(
              section: section.name, address: address, userName: userName, password: password))
        } catch {
          reject(error)
        }
      }
    }
    return servers
  }

  private func credentials(
    of section: SupervisordSection
  ) throws(Rejection) -> (userName: String?, password: String?) {
    let userName = try text("username", of: section)
    let password = try text("password", of: section)
    guard (userName == nil) == (password == nil) else {
      throw Rejection(
        section.place, "[\(section.name)] has a user name or a password, and not both",
        hint: "add the other one")
    }
    return (userName, password)
  }

  private func inetAddress(
    _ section: SupervisordSection
  ) throws(Rejection) -> SupervisordServer.Address {
    let address = try value("port", of: section, default: nil) { (text) throws(ValueProblem) in
      Optional(try supervisordAddress(text))
    }
    if let address { return address }
    throw Rejection(section.place, "[\(section.name)] has no port", hint: "add `port = …`")
  }

  private func unixAddress(
    _ section: SupervisordSection
  ) throws(Rejection) -> SupervisordServer.Address {
    let names = Expansions([("here", .text(here))])
    guard let path = try text("file", of: section, names) else {
      throw Rejection(section.place, "[\(section.name)] has no file", hint: "add `file = …`")
    }
    let owner = try value("chown", of: section, default: nil) { (text) throws(ValueProblem) in
      Optional(try userAndGroup(text))
    }
    let mode = try value("chmod", of: section, default: 0o700, supervisordOctal)
    return .unix(
      path: normalized(path.pythonTrimmed), mode: mode, user: owner?.user, group: owner?.group)
  }

  // MARK: Plugins

  /// superv has the interface that supervisord comes with, and runs no others.
  mutating func interfaces() -> [SupervisordPlugin] {
    let key = "supervisor.rpcinterface_factory"
    var plugins: [SupervisordPlugin] = []
    for section in sections.all where section.name.hasPrefix("rpcinterface:") {
      do throws(Rejection) {
        guard let factory = try text(key, of: section) else {
          throw Rejection(section.place, "[\(section.name)] has no \(key)", hint: "add it")
        }
        if factory != "supervisor.rpcinterface:make_main_rpcinterface" {
          reading.warning(
            sections.option(key, of: section)?.place ?? section.place,
            "\(quoted(factory)) is a plugin of Python's, which superv does not run")
        }
        var options: [EnvironmentVariable] = []
        for name in sections.keys(of: section) where name != key {
          let value = try text(name, of: section) ?? ""
          options.append(EnvironmentVariable(name: name, value: value))
        }
        plugins.append(
          SupervisordPlugin(name: section.nameAfterColon, factory: factory, options: options))
      } catch {
        reject(error)
      }
    }
    return plugins
  }

  // MARK: supervisorctl

  /// From the main file alone, by superv's own environment. supervisord does not look at it, so
  /// that nothing in it rejects a configuration.
  mutating func client() -> SupervisordClient? {
    var other = self
    other.sections = mainSections
    other.environment = outerEnvironment
    guard let section = mainSections["supervisorctl"] else { return nil }
    do {
      return try other.client(section)
    } catch {
      reading.warning(error.place, error.message, hint: "supervisorctl refuses it")
      return nil
    }
  }

  private func client(_ section: SupervisordSection) throws(Rejection) -> SupervisordClient {
    let names = Expansions([("here", .text(here))])
    var client = SupervisordClient()
    client.serverURL = try text("serverurl", of: section, names) ?? client.serverURL
    if client.serverURL.hasPrefix("unix://") {
      client.serverURL = "unix://\(normalized(String(client.serverURL.dropFirst(7))))"
    }
    client.prompt = try text("prompt", of: section) ?? client.prompt
    client.userName = try text("username", of: section)
    client.password = try text("password", of: section)
    let history = try text("history_file", of: section, names) ?? ""
    client.historyFile = history.isEmpty ? nil : normalized(history)
    return client
  }
}
