import SupervChaos
import SupervConfig
import SupervProtocol
import SupervSystem

// Numbered lines in the names of agents: written into the pipe that is an agent's standard output,
// beside what it prints itself, and looked for in its log.

/// How many lines were printed for each agent.
struct ChaosMarks {
  /// By the instance.
  var printed: [String: Int] = [:]
  var due: [String: Double] = [:]

  var total: Int { printed.values.reduce(0, +) }
}

/// A flood on its way.
struct ChaosFlood {
  var agent: String
  var left: Int
}

extension ChaosRun {
  /// Written in one turn, so that everything else goes on.
  private static var linesOfTurn: Int { 2000 }
  private static var floodPatienceSeconds: Double { 10 }

  func beginFlood(_ fault: PlannedFault, _ record: FaultRecord) -> String? {
    guard let name = fault.target, output(of: name) != nil else {
      return "its standard output is not superv's pipe"
    }
    recovery.begin(record)
    running[fault.number] = Running(
      planned: fault, endSeconds: now + Self.floodPatienceSeconds)
    floods[fault.number] = ChaosFlood(agent: name, left: Int(fault.amount))
    return nil
  }

  func advanceFloods() {
    for (number, flood) in floods {
      let count = write(min(flood.left, Self.linesOfTurn), to: flood.agent)
      floods[number]?.left -= count ?? 0
      let isOver = count == nil || flood.left == count || running[number] == nil
      if count == nil { recovery.note(number, "it ended with \(flood.left) lines to go") }
      guard isOver else { continue }
      floods[number] = nil
      endFault(number)
    }
  }

  /// A line for each agent, a few times a second.
  func advanceMarks() {
    guard plan.markRate > 0 else { return }
    let interval = 1 / Double(plan.markRate)
    for agent in tree.agents where agent.isAllowed {
      guard now >= marks.due[agent.name] ?? 0 else { continue }
      marks.due[agent.name] = now + interval
      _ = write(1, to: agent.name)
    }
  }

  /// The pipe that superv gave the process that runs, where that is still its standard output.
  private func output(of name: String) -> String? {
    guard let view = views[name], view.isRunning,
      let facts = snapshot.facts.agents.first(where: { $0.name == name }),
      facts.incarnation == view.incarnation, let pid = facts.pid, let inode = facts.outputInode,
      let identity = snapshot.identities[pid], ProcessIdentity.of(pid) == identity,
      Processes.inode(ofDescriptor: 1, of: pid) == inode
    else { return nil }
    return "/proc/\(pid)/fd/1"
  }

  /// Lines of at most PIPE_BUF bytes go into a pipe whole or not at all (pipe(7)).
  ///
  /// - Returns: how many went in; nil when there is nobody to print for.
  private func write(_ count: Int, to name: String) -> Int? {
    guard let path = output(of: name),
      let pipe = try? Files.open(path, [.writeOnly, .nonblocking])
    else { return nil }
    var done = 0
    while done < count {
      let number = marks.printed[name, default: 0] + 1
      let line = Array((LogJudge.line(token, number) + "\n").utf8)
      guard ((try? pipe.write(line.span)) ?? nil) == line.count else { break }
      marks.printed[name] = number
      done += 1
    }
    return done
  }

  /// Reads every log, until it has all that was printed or has had time enough.
  func judgeLogs() {
    let deadline = now + Self.floodPatienceSeconds
    for file in logFiles {
      guard let printed = marks.printed[file.agent] else { continue }
      var found = read(file.path)
      while !LogJudge.isComplete(found, printed: printed), now < deadline {
        pause(milliseconds: 50)
        found = read(file.path)
      }
      LogJudge.judge(file.agent, found, printed: printed, &verdict)
    }
  }

  private func read(_ path: String) -> LogJudge.Found {
    var found = LogJudge.Found()
    let paths = rotatedFiles(of: path)
    found.wasRotated = paths.count > 1
    for path in paths {
      guard let content = try? Files.read(path, maximumBytes: .max) else { continue }
      LogJudge.read(content, token: token, into: &found)
    }
    return found
  }
}
