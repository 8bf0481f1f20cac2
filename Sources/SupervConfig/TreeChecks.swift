import SupervisionTree

// What can only be judged with the whole tree in view, needs excepted.

extension DeclaredTree {
  /// Reports everything that is wrong with the tree as a whole.
  func check(_ reading: inout Reading) {
    for node in nodes.indices {
      checkCritical(node, &reading)
      checkSignificant(node, &reading)
      checkSupervisor(node, &reading)
    }
    checkLogs(&reading)
    checkStopTimes(&reading)
    checkNeeds(&reading)
    checkCallers(&reading)
  }

  private func checkCritical(_ node: Int, _ reading: inout Reading) {
    guard policy(node).critical, let place = keys(node).places["critical"],
      let parent = nodes[node].parent
    else { return }
    let top = ancestors(of: node).last ?? parent
    reading.error(
      place,
      "`critical` is for children of the root, and \(declaredName(node)) is a child of "
        + nodes[parent].name,
      hint: "set it in [supervisor:\(nodes[top].name)]")
  }

  /// OTP refuses the same (supervisor(3), `significant`).
  private func checkSignificant(_ node: Int, _ reading: inout Reading) {
    let keys = keys(node)
    guard policy(node).significant, let place = keys.places["significant"],
      !keys.isUnreadable("restart")
    else { return }
    if policy(node).restart == .permanent {
      reading.error(
        place, "a permanent child never ends for good, so it cannot be `significant`",
        hint: "add `restart = transient` or `restart = temporary`")
      return
    }
    guard let parent = nodes[node].parent else {
      // Its supervisor may be one that could not be read.
      guard !reading.hasErrors else { return }
      reading.error(
        place, "`significant` has no meaning for a child of the root",
        hint: "put it under a supervisor with `auto_shutdown`")
      return
    }
    guard let supervisor = supervisor(parent), supervisor.settings.autoShutdown == .never,
      !supervisor.keys.isUnreadable("auto_shutdown")
    else { return }
    reading.error(
      place,
      "`significant` has no effect: [supervisor:\(supervisor.name)] never shuts down by itself",
      hint: "add `auto_shutdown = any_significant` or `all_significant` there")
  }

  private func checkSupervisor(_ node: Int, _ reading: inout Reading) {
    guard let supervisor = supervisor(node), !supervisor.keys.isUnreadable("children") else {
      return
    }
    if supervisor.settings.children.isEmpty {
      reading.warning(
        supervisor.keys.places["children"] ?? supervisor.place,
        "[supervisor:\(supervisor.name)] has no children",
        hint: "name agents or supervisors in `children`")
    } else if supervisor.settings.autoShutdown != .never,
      let place = supervisor.keys.places["auto_shutdown"], !reading.hasErrors,
      !nodes[node].children.contains(where: { policy($0).significant })
    {
      reading.warning(
        place, "`auto_shutdown` has no effect: none of the children is significant",
        hint: "add `significant = yes` to those whose end counts")
    }
  }

  /// Log files are called `NAME.log`, or `NAME.0.log` where there are several instances.
  private func checkLogs(_ reading: inout Reading) {
    var owners: [String: DeclaredAgent] = [:]
    for case .agent(let agent) in declarations {
      for instance in agent.instances.indices {
        let file = agent.instances.count == 1 ? agent.name : "\(agent.name).\(instance)"
        if let owner = owners.updateValue(agent, forKey: file), owner.name != agent.name {
          reading.error(
            agent.place,
            "\(agent.name) would write to the log file of \(owner.name): `\(file).log`",
            hint: "rename one of them (\(owner.name) is in \(reading.text(owner.place)))")
          break
        }
      }
      if let place = agent.keys.values["log_max_size"], !supervKeys.isUnreadable("log_total_max"),
        agent.instances.contains(where: { $0.log.maximumBytes > superv.logTotalMaximumBytes })
      {
        reading.warning(
          place,
          "one log file may be larger than all together: `log_total_max` is "
            + sizeText(superv.logTotalMaximumBytes),
          hint: "lower this, or raise `log_total_max` in [superv]")
      }
    }
  }

  private func checkStopTimes(_ reading: inout Reading) {
    guard !supervKeys.isUnreadable("shutdown_timeout") else { return }
    for case .agent(let agent) in declarations {
      let times = [("drain", \AgentSettings.drain), ("stopwaitsecs", \.stopWait)]
      for (key, time) in times {
        guard let place = agent.keys.values[key],
          agent.instances.contains(where: { $0[keyPath: time] > superv.shutdownTimeout })
        else { continue }
        reading.warning(
          place,
          "at shutdown it gets less time: `shutdown_timeout` is "
            + durationText(superv.shutdownTimeout),
          hint: "lower this, or raise `shutdown_timeout` in [superv]")
      }
    }
  }
}
