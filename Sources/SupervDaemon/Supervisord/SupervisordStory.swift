import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisordProtocol

// What supervisord tells of itself, in its log and to listeners.

extension Daemon {
  /// The tree is going to start.
  func tellSupervisordStarts() {
    guard let front else { return }
    for group in front.groups { publish(.groupAdded(group.name)) }
    publish(.supervisorRunning)
    for interface in front.interfaces {
      logActivity(.daemon(.interfaceInitialized(interface.name)))
    }
    for server in front.servers where server.isServed && server.userName == nil {
      logActivity(.daemon(.serverWithoutAuthentication(server.kind)))
    }
    logActivity(.daemon(.started(pid: options.keeperPid ?? options.pid)))
  }

  /// It is going to stop, whoever wanted that.
  func tellSupervisordStops() {
    guard let front else { return }
    publish(.supervisorStopping)
    let left = front.groups.flatMap(\.programs).filter { program in
      let id = SupervisordProcessID(group: program.group, name: program.name)
      return supervisord.members[id].map { !$0.life.state.isStopped } ?? false
    }
    if !left.isEmpty { logActivity(.daemon(.waitedForToDie(left.map(\.name)))) }
  }

  func tellSupervisord(of signal: Signal) {
    guard front != nil else { return }
    switch signal {
    case .hangUp:
      logActivity(
        .daemon(
          .restartRequested(signal: signal.number, isShuttingDown: state == .stopping)))
    case _ where InitRole.stopSignals.contains(signal):
      logActivity(.daemon(.exitRequested(signal: signal.number)))
    default: break
    }
  }
}

extension SupervisordServer {
  /// The kind of its section.
  fileprivate var kind: String {
    switch address {
    case .inet: "inet_http_server"
    case .unix: "unix_http_server"
    }
  }
}
