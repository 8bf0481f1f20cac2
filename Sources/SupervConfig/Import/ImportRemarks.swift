import SupervisionTree

// The comments of a file that was made of supervisord's: what is otherwise now, and what superv can
// do that supervisord could not.

extension SupervisordImport {
  func writeRemarks(to file: inout ConfigurationText) {
    file.comment("Made by superv import from \(quotedWhole(configuration.files[0])).")
    file.comment("What changed:")
    for remark in changes { file.comment(remark, isItem: true) }
    file.comment("What to consider:")
    for remark in considerations { file.comment(remark, isItem: true) }
  }

  /// Who an agent was, and where its output went.
  func writeOrigin(of agent: ImportedAgent, to file: inout ConfigurationText) {
    let names = agent.instances.map(\.specification.name)
    let isGrouped = agent.group != agent.section
    if agent.instances.indices.contains(where: { names[$0] != agent.instanceName($0) }) {
      let group = isGrouped ? " of [group:\(quotedName(agent.group))]" : ""
      let last = names.count > 1 ? " to \(quotedName(names[names.count - 1]))" : ""
      file.comment(
        "[program:\(quotedName(agent.section))]\(group), for supervisorctl "
          + "\(quotedName(names[0]))\(last).")
    }
    guard let program = agent.programs.first else { return }
    var places: [String] = []
    for (stream, name) in [(program.output, "stdout"), (program.errors, "stderr")] {
      switch stream.file {
      case .path(let path): places.append("\(name) \(quotedWhole(path))")
      case .automatic: places.append("\(name) a file in childlogdir")
      case .none where stream.goesToSyslog: break
      case .none where name == "stderr" && program.redirectsErrors: break
      case .none: places.append("\(name) nowhere")
      }
      if stream.goesToSyslog { places.append("\(name) syslog") }
    }
    let more = agent.instances.count > 1 ? ", and so on" : ""
    file.comment("Its output went to: \(places.joined(separator: ", "))\(more).")
  }

  private func quotedName(_ name: String) -> String {
    String(quotedWhole(name).dropFirst().dropLast())
  }

  // MARK: What changed

  private var changes: [String] {
    var changes: [String] = []
    if configuration.files.count > 1 {
      changes.append("It included \(configuration.files.count - 1) files; all is in here now.")
    }
    if usesEnvironment {
      changes.append(
        "In place of %(ENV_NAME)s stands what NAME was for superv import. It may be a secret.")
    }
    changes.append(
      "Output goes to one file for each agent, in `logs` below state_dir, each line with its time: "
        + "superv logs NAME. No log file of supervisord's is written to. What it kept of each one "
        + "is kept here.")
    if agents.flatMap(\.programs).contains(where: {
      $0.output.goesToSyslog || $0.errors.goesToSyslog
    }) {
      changes.append("Nothing goes to syslog.")
    }
    if agents.contains(where: { $0.instances.contains { $0.specification.name.contains(":") } }) {
      changes.append(
        "Groups are gone: agents have names of their own, and each is supervised alone, as before. "
          + "What supervisorctl called each one stands above it where it is called otherwise now.")
    }
    for omission in imported.omissions {
      changes.append("\(quotedWhole(omission.name)) is not in here: \(omission.reason).")
    }
    if !said.servers.isEmpty || !said.interfaces.isEmpty {
      changes.append(
        "There is no server for supervisorctl and XML-RPC: superv status, up, down, restart and "
          + "logs speak with superv over a socket in runtime_dir. Agents still have "
          + "SUPERVISOR_SERVER_URL, where nobody answers any more.")
    }
    changes.append(
      "Agents also get SUPERV_AGENT and the like, and NOTIFY_SOCKET, by which those that know "
        + "sd_notify can say how they are.")
    if let without = withoutCounterpart { changes.append(without) }
    return changes
  }

  private var withoutCounterpart: String? {
    let (own, usual) = (said.settings, SupervisordSettings())
    var keys: [String] = []
    if own.staysInForeground { keys.append("nodaemon (superv run stays in the foreground)") }
    if own.logLevel != usual.logLevel { keys.append("loglevel") }
    if own.identifier != usual.identifier { keys.append("identifier") }
    if own.keepsChildLogs { keys.append("nocleanup") }
    if own.stripsANSI { keys.append("strip_ansi") }
    if own.user != nil { keys.append("user (each agent has its own; superv stays who it is)") }
    if said.client != nil { keys.append("[supervisorctl]") }
    return keys.isEmpty ? nil : "Without a counterpart: \(keys.joined(separator: ", "))."
  }

  // MARK: What to consider

  private var considerations: [String] {
    var list: [String] = []
    if !missingFolders.isEmpty {
      let folders = missingFolders.prefix(3).map(quotedWhole).joined(separator: ", ")
      let more = missingFolders.count > 3 ? " and \(missingFolders.count - 3) more" : ""
      list.append(
        "\(folders)\(more): not there when this was written. With no_warning_of superv check says "
          + "nothing of that; superv doctor does.")
    }
    if agents.isEmpty {
      list.append("There is no program in it. Add [agent:NAME], and take no_warning_of out.")
      return list
    }
    list.append(
      "Readiness instead of startsecs: with `ready = declared`, notify_fd, or a probe such as "
        + "`readiness = http:8080/` an agent is ready when it can serve, and not when some time is "
        + "over. A liveness probe restarts one that hangs.")
    list.append(
      "needs instead of priority: agents start in the order in which they stand here, and nobody "
        + "waits for anybody. `needs = NAME:ready` does.")
    let intensity = configuration.tree.intensity
    list.append(
      "A budget: startretries is about starts that fail. One that was up and ends abnormally is "
        + "restarted at most \(intensity.limit) times in \(durationText(intensity.period)), which "
        + "supervisord has no word for; `intensity` and `period` here say it, [supervisor:NAME] "
        + "for agents that belong together.")
    list.append(
      "What is there to be as supervisord was can go, one by one: `sandbox = off`, "
        + "`pass_environment = *`, `stdin = pipe`, `drain = 0s`, `signal_to = process`, and the "
        + "variables SUPERVISOR_….")
    return list
  }
}
