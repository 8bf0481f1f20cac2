import SupervConfig
import SupervProtocol
import SupervisionTree

// `/metrics`: everything that is worth a graph or an alert, in Prometheus' text format. Names are
// promises to dashboards: they may be added, never renamed.

extension Daemon {
  func metricsText(_ survey: Survey) -> [UInt8] {
    var text = PrometheusText()
    let instances = instances
    appendSelf(survey, to: &text)
    appendLife(instances, to: &text)
    appendUse(instances, survey, to: &text)
    appendHealth(instances, to: &text)
    appendCalls(to: &text)
    appendSupervisors(to: &text)
    return text.bytes
  }

  /// An agent instance, as every family names it.
  private struct Instance {
    var name: String
    var agent: String
    var status: ChildStatus
    var process: AgentProcess?

    var key: ProcessKey? {
      process.flatMap {
        $0.isAlive ? ProcessKey(node: status.id, incarnation: $0.incarnation) : nil
      }
    }
  }

  private var instances: [Instance] {
    tree.children.compactMap { node in
      guard let slot = agents.indices.contains(node.index) ? agents[node.index] : nil else {
        return nil
      }
      return Instance(
        name: tree.name(of: node), agent: slot.definition.agent, status: tree.status(of: node),
        process: slot.process)
    }
  }

  private func appendSelf(_ survey: Survey, to text: inout PrometheusText) {
    text.family("superv_build_info", .gauge, "The version of superv that runs; always 1.")
    text.sample(1, ("version", supervVersion))
    text.family("superv_ready", .gauge, "Whether superv and all critical agents are ready.")
    text.sample(healthReport().ready ? 1 : 0)
    text.family("superv_uptime_seconds", .gauge, "How long superv has run.")
    text.sample(Double((kernel.now - startedAt).wholeNanoseconds) / 1e9)
    text.family("superv_events_total", .counter, "Events that superv has told, over all its lives.")
    text.sample(events.nextSequence - 1)
    text.family("superv_loop_turn_seconds", .histogram, "How long a turn of superv's loop takes.")
    text.histogram(metrics.turns)
    text.family("superv_loop_lag_seconds", .histogram, "How late superv does what is due.")
    text.histogram(metrics.lag)
    text.family("superv_cpu_seconds_total", .counter, "Processor time of superv itself.")
    text.sample(Double(survey.daemon.processorNanoseconds) / 1e9)
    text.family("superv_memory_resident_bytes", .gauge, "Resident memory of superv itself.")
    text.sample(survey.daemon.residentBytes)
    appendTables(to: &text)
  }

  private func appendLife(_ instances: [Instance], to text: inout PrometheusText) {
    text.family("superv_agent_phase", .gauge, "The phase that an agent is in; always 1.")
    for each in instances {
      text.sample(
        1, ("agent", each.agent), ("name", each.name), ("phase", each.status.phase.rawValue))
    }
    text.family("superv_agent_ready", .gauge, "Whether an agent is ready.")
    for each in instances {
      text.sample(each.status.isReady ? 1 : 0, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_desired_up", .gauge, "Whether an agent is meant to be up.")
    for each in instances {
      text.sample(each.status.wish == .up ? 1 : 0, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_incarnation", .gauge, "Which start of an agent this is.")
    for each in instances {
      text.sample(each.status.incarnation, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_uptime_seconds", .gauge, "How long its process has run.")
    for each in instances {
      guard each.key != nil, let process = each.process else { continue }
      let uptime = Double((kernel.now - process.startedAt).wholeNanoseconds) / 1e9
      text.sample(uptime, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_restarts_total", .counter, "Starts after the first, by their cause.")
    for each in instances {
      let counts = metrics.restarts.counts[each.name] ?? [:]
      for cause in RestartCounts.Cause.allCases {
        guard let count = counts[cause] else { continue }
        text.sample(
          count, ("agent", each.agent), ("name", each.name), ("reason", cause.rawValue))
      }
    }
  }

  private func appendUse(
    _ instances: [Instance], _ survey: Survey, to text: inout PrometheusText
  ) {
    let used = instances.compactMap { each in
      each.key.flatMap { key in survey.agents[key].map { (each, key, $0) } }
    }
    text.family(
      "superv_agent_cpu_seconds_total", .counter, "Processor time of an agent's process tree.")
    for (each, key, _) in used {
      text.sample(
        metrics.processorSeconds(of: key), ("agent", each.agent), ("name", each.name))
    }
    text.family(
      "superv_agent_memory_resident_bytes", .gauge, "Resident memory of an agent's process tree.")
    for (each, _, use) in used {
      text.sample(use.residentBytes, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_processes", .gauge, "Processes in an agent's process tree.")
    for (each, _, use) in used {
      text.sample(use.processCount, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_threads", .gauge, "Threads in an agent's process tree.")
    for (each, _, use) in used {
      text.sample(use.threadCount, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_open_fds", .gauge, "Open descriptors in an agent's process tree.")
    for (each, _, use) in used {
      text.sample(use.openFileCount, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_log_bytes_total", .counter, "Output that an agent has written.")
    for each in instances {
      text.sample(
        survey.logs[each.name]?.bytes ?? 0, ("agent", each.agent), ("name", each.name))
    }
    text.family("superv_agent_log_lines_total", .counter, "Lines that an agent has written.")
    for each in instances {
      text.sample(
        survey.logs[each.name]?.lines ?? 0, ("agent", each.agent), ("name", each.name))
    }
    text.family(
      "superv_agent_log_dropped_lines_total", .counter, "Lines that could not be kept.")
    for each in instances {
      text.sample(
        survey.logs[each.name]?.droppedLines ?? 0, ("agent", each.agent), ("name", each.name))
    }
  }

  private func appendHealth(_ instances: [Instance], to text: inout PrometheusText) {
    text.family(
      "superv_agent_probe_failures_total", .counter, "Probes that failed, by what they were for.")
    for each in instances {
      for role in ProbeRole.allCases {
        guard let count = health.counts[each.name]?.failures[role] else { continue }
        text.sample(count, ("agent", each.agent), ("name", each.name), ("role", role.rawValue))
      }
    }
    text.family("superv_agent_stuck_total", .counter, "Operations and progress found stuck.")
    for each in instances {
      guard let counts = health.counts[each.name] else { continue }
      text.sample(counts.stuck, ("agent", each.agent), ("name", each.name))
    }
  }

  private func appendSupervisors(to text: inout PrometheusText) {
    let supervisors = tree.children.filter { tree.status(of: $0).isSupervisor }
    text.family(
      "superv_supervisor_restarts_in_period", .gauge, "Restarts that count against its budget.")
    for node in supervisors {
      let facts = tree.supervisorStatus(of: node, now: kernel.now)
      text.sample(facts.restartsInPeriod, ("supervisor", tree.name(of: node)))
    }
    text.family(
      "superv_supervisor_intensity", .gauge, "Restarts that a supervisor may make in its period.")
    for node in supervisors {
      let facts = tree.supervisorStatus(of: node, now: kernel.now)
      text.sample(facts.intensity.limit, ("supervisor", tree.name(of: node)))
    }
  }
}
