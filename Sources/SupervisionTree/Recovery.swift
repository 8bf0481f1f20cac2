// A tree that outlives whoever carries out what it decides: what was written down of it can be read
// again, and then it says what there must be by now. Effects may have been carried out or not; each
// of them can be done again.

/// What there is to be found, or to be done, of an agent of a tree that was taken over.
package struct ExpectedProcess: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    /// It was to be started; `spawned` or `spawnFailed` is still to come.
    case starting
    case running
    /// It was told to stop by this effect, or was about to be.
    case stopping(Effect)
  }

  package var node: NodeID
  package var incarnation: UInt64
  package var state: State
}

extension SupervisionTree {
  /// Every agent that has a process, or is about to get one.
  package var expectedProcesses: [ExpectedProcess] {
    nodes.indices.compactMap { index in
      let id = NodeID(index: index)
      guard case .agent(let agent) = nodes[index].kind,
        let state = expectedState(of: id, agent.stopLadder)
      else { return nil }
      return ExpectedProcess(node: id, incarnation: nodes[index].incarnation, state: state)
    }
  }

  /// Whether there is a process of this incarnation, or is about to be.
  package func isExpected(_ id: NodeID, _ incarnation: UInt64) -> Bool {
    nodes[id.index].incarnation == incarnation && nodes[id.index].phase.isAlive
  }

  /// The last incarnation of each instance in a life before this one.
  package var earlierIncarnations: [String: UInt64] { pastIncarnations }

  /// One more than the largest index of a node.
  package var nodeCount: Int { nodes.count }

  /// What an agent that is being stopped was told last; nil when it is not.
  package func stopEffect(on id: NodeID) -> Effect? {
    guard case .agent(let agent) = nodes[id.index].kind,
      case .stopping(let effect)? = expectedState(of: id, agent.stopLadder)
    else { return nil }
    return effect
  }

  private func expectedState(
    of id: NodeID, _ ladder: [StopRung]
  ) -> ExpectedProcess.State? {
    switch nodes[id.index].phase {
    case .starting, .stopping(rung: nil): .starting
    case .running: .running
    case .stopping(let rung?): .stopping(effect(of: ladder[rung], on: id))
    case .down, .waiting, .ended, .retrying: nil
    }
  }

  /// Why everything was stopped, once it is.
  package var finishedEnd: TreeEnd? { nodes[0].phase == .down(.stopped) ? end : nil }

  /// When it was told something last.
  package var lastEventTime: MonotonicTime { now }

  /// Whether nothing has happened to it yet, not even its beginning.
  package var isUntouched: Bool { nodes[0].phase == .down(.stopped) && end == nil }
}
