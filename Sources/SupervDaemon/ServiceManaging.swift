import SupervProtocol
import SupervSystem
import SupervisionTree

// What the service manager above superv is told, as sd_notify(3) has it. The daemon knows what
// there is to say; the keeper says it, since it is the process that the manager started.

/// What it has been told, and when it is to be told more.
final class ServiceHub {
  /// A status that changes faster is nobody's to read.
  fileprivate static let statusInterval = Duration.seconds(1)

  fileprivate let isManaged: Bool
  fileprivate let keepAlive: Duration?
  fileprivate var keepAliveDue: MonotonicTime?
  /// When a status that may have changed is looked at.
  fileprivate var statusDue: MonotonicTime?
  fileprivate var status = ""
  fileprivate var earliestStatus: MonotonicTime?
  fileprivate var isReady = false
  fileprivate var isStopping = false

  init(_ manager: ServiceManager?) {
    isManaged = manager != nil
    keepAlive = manager?.keepAliveNanoseconds.map { .nanoseconds($0) }
  }

  var nextDeadline: MonotonicTime? { earlier(keepAliveDue, statusDue) }
}

extension Daemon {
  /// At the end of each turn: that the loop turns is what the watchdog wants to know.
  func tellManager(afterNews hasNews: Bool) {
    guard service.isManaged else { return }
    let now = kernel.now
    if let interval = service.keepAlive, service.keepAliveDue.map({ $0 <= now }) != false {
      kernel.tellManager("WATCHDOG=1")
      service.keepAliveDue = now + interval
    }
    if hasNews, service.statusDue == nil {
      service.statusDue = max(now, service.earliestStatus ?? now)
    }
    if state == .stopping, !service.isStopping {
      service.isStopping = true
      kernel.tellManager("STOPPING=1\nSTATUS=\(takeServiceStatus(now))")
    } else if state != .stopping, !service.isReady, holds(.up) {
      service.isReady = true
      kernel.tellManager("READY=1\nSTATUS=\(takeServiceStatus(now))")
    }
    if let due = service.statusDue, due <= now {
      let before = service.status
      let status = takeServiceStatus(now)
      if status != before { kernel.tellManager("STATUS=\(status)") }
    }
  }

  /// A manager that has asked for a reload waits for its end, however it ends.
  func tellingManager(ofReload reload: () -> ReloadReport) -> ReloadReport {
    guard service.isManaged, service.isReady, !service.isStopping else { return reload() }
    let microseconds = kernel.now.nanoseconds / 1000
    kernel.tellManager("RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
    let report = reload()
    kernel.tellManager("READY=1")
    return report
  }

  /// For example `stopping: 12 agents, 3 up`, in numbers only: no agent's words go up there.
  private func takeServiceStatus(_ now: MonotonicTime) -> String {
    let agents = tree.children.filter { !tree.isSupervisor($0) }.map { tree.status(of: $0) }
    func count(_ what: String, _ isCounted: (ChildStatus) -> Bool) -> String? {
      let number = agents.count(where: isCounted)
      return number == 0 ? nil : "\(number) \(what)"
    }
    let parts = [
      "\(agents.count) \(agents.count == 1 ? "agent" : "agents")",
      count("up") { $0.phase == .running }, count("ready") { $0.isReady },
      count("failed") { $0.phase == .failed },
    ]
    // Under way until it is said that it is not.
    let state = state == .running && !service.isReady ? DaemonState.starting : state
    service.status = "\(state.rawValue): \(parts.compactMap(\.self).joined(separator: ", "))"
    service.statusDue = nil
    service.earliestStatus = now + ServiceHub.statusInterval
    return service.status
  }
}
