/// The service manager above superv, systemd say: what it has put into the environment, and how it
/// is told things (sd_notify(3), sd_watchdog_enabled(3)).
package struct ServiceManager: Sendable {
  /// What is between the manager and superv, and nothing for those that superv starts.
  package static let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]

  private enum Address: Sendable {
    case path(String)
    case abstract(String)
  }

  private let address: Address
  /// How often it wants to hear that superv is alive: half of what it waits at most, as
  /// sd_watchdog_enabled(3) recommends. nil: it does not.
  package let keepAliveNanoseconds: Int64?

  /// - Returns: nil when nobody wants to be told.
  package init?(_ environment: [String: String]) {
    guard let place = environment["NOTIFY_SOCKET"] else { return nil }
    if place.hasPrefix("/") {
      address = .path(place)
    } else if place.hasPrefix("@"), place.utf8.count > 1 {
      address = .abstract(String(place.dropFirst()))
    } else {
      return nil
    }
    let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
    keepAliveNanoseconds = microseconds.flatMap { (2..<1 << 50).contains($0) ? $0 * 500 : nil }
  }

  /// Settles whom the watchdog is meant for, once and for all processes below this one: whoever is
  /// started by another process than the manager does not answer for the service.
  package static func claimWatchdog() {
    if let meant = Surroundings.variable("WATCHDOG_PID"), Int32(meant) != Processes.ownPid {
      Surroundings.remove(variable: "WATCHDOG_USEC")
    }
    // A daemon that becomes the keeper has another pid, and the same duty.
    Surroundings.remove(variable: "WATCHDOG_PID")
  }

  /// - Parameter assignments: `NAME=VALUE`, one on each line.
  /// - Returns: false when its queue is full. One that is gone, or begins anew, misses it.
  package func tell(_ assignments: String) -> Bool {
    do {
      let socket =
        switch address {
        case .path(let path):
          try UnixSocket.connect(to: path, kind: .datagrams, nonblocking: true)
        case .abstract(let name):
          try UnixSocket.connect(toAbstract: name, kind: .datagrams, nonblocking: true)
        }
      return try socket.sendMessage(Array(assignments.utf8).span) != nil
    } catch {
      return true
    }
  }
}
