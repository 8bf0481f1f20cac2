import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

// Signals, and the stop of everything.

/// Among the keys of timers, which are nodes, the one that is none.
let shutdownTimerKey = -1

extension Daemon {
  func take(_ signal: Signal) {
    tellSupervisord(of: signal)
    switch signal {
    case .hangUp: reloadFromFile(askedBy: nil)
    case _ where InitRole.stopSignals.contains(signal):
      if stopRequests == 0 { stopAll("\(signal)") } else { feed(.hurry) }
    default: break
    }
  }

  /// Stops the tree in order, once. A second signal kills what is left; a second `shutdown` only
  /// waits as well.
  func stopAll(_ reason: String, askedBy peer: StoryEvent.Peer? = nil) {
    stopRequests += 1
    guard stopRequests == 1 else { return }
    announceStop(reason, askedBy: peer)
    feed(.shutdown)
    limitStop()
  }

  /// However a stop comes about, it is told once.
  func announceStop(_ reason: String, askedBy peer: StoryEvent.Peer? = nil) {
    guard !isStopAnnounced else { return }
    isStopAnnounced = true
    tellSupervisordStops()
    announce(StoryEvent("daemon.stopping", .daemon, reason: reason)) { $0.peer = peer }
  }

  /// Once the tree stops, for whatever reason, it has so long.
  func limitStop() {
    guard tree.treeEnd != nil, !isStopLimited else { return }
    isStopLimited = true
    // An earlier daemon may have set it.
    guard timers.deadline(of: shutdownTimerKey) == nil else { return }
    let deadline = kernel.now + configuration.settings.shutdownTimeout
    timers.set(shutdownTimerKey, at: deadline)
    write(.timer(key: shutdownTimerKey, at: deadline))
  }

  var state: DaemonState {
    if stopRequests > 0 || tree.treeEnd != nil { return .stopping }
    return tree.phase == .running ? .running : .starting
  }
}
