import SupervProtocol
import SupervSystem
import SupervisionTree

// sd_notify(3), as docs/protocol.md maps it.

extension Daemon {
  /// - Parameters:
  ///   - process: nil: the sender belongs to no agent, or is gone.
  ///   - sender: its pid.
  func takeNotification(_ bytes: [UInt8], from process: ProcessKey?, sender: Int32) {
    guard let process else {
      let why = "process \(sender) belongs to no agent, or was gone at once"
      guard let text = refusalText(why, of: nil) else { return }
      return tell(StoryEvent("notify.refused", .daemon, reason: text)) { $0.pid = sender }
    }
    guard isCurrent(process) else { return }
    guard bytes.count <= Notification.maximumBytes else {
      let why = "a datagram of process \(sender) has more than \(Notification.maximumBytes) bytes"
      return tellRefusal("notify.refused", of: process, because: why)
    }
    let notification = Notification(bytes.span)
    health.badLineCount += notification.badLineCount
    switch notification.watchdog {
    case .alive: learn(of: process) { $0.keepAlive($1) }
    case .trigger: learn(of: process) { $0.trigger($1) }
    case nil: break
    }
    if let status = notification.status { setStatus(status, of: process) }
    switch notification.state {
    case .ready: say(.ready, of: process)
    case .reloading: say(.notReady("it reloads"), of: process)
    case .stopping: say(.notReady("it stops"), of: process)
    case nil: break
    }
    if let span = notification.extendedTimeout { extendTimeout(span, of: process) }
    if let pid = notification.mainPid { setMainPid(pid, of: process) }
  }

  /// It needs longer to start or to stop; asked again and again it may take as long as it likes.
  private func extendTimeout(_ span: Duration, of process: ProcessKey) {
    let span = min(span, .seconds(3600))
    let (node, incarnation) = (process.node, process.incarnation)
    guard tree.publicPhase(of: node) == .stopping else {
      return learn(of: process) {
        $0.extendStartup(by: span, $1)
        return []
      }
    }
    // It only ever makes it later.
    if let rung = timers.deadline(of: node.index), rung < kernel.now + span {
      feed(.extendStop(node, incarnation: incarnation, by: span))
    }
  }

  private func setMainPid(_ pid: Int32, of process: ProcessKey) {
    guard kernel.owner(ofProcess: pid) == process else {
      let why = "MAINPID=\(pid) is no process of it"
      return tellRefusal("notify.refused", of: process, because: why)
    }
    learn(of: process) { _, _ in [] }
    health.record(of: process)?.mainPid = pid
  }
}
