package import SupervisionTree

/// Who is told when the process of an instance ends. A monitor fires once for each instance that it
/// watches, as OTP's do.
package struct MonitorTable: Sendable {
  /// Monitors that one connection may have.
  package static let maximumPerConnection = 256

  private struct Monitor {
    var connection: ConnectionID
    /// That have not fired.
    var nodes: [NodeID]
  }

  private var nextNumber: Int64 = 1
  private var monitors: [Int64: Monitor] = [:]
  private var watching: [NodeID: [Int64]] = [:]
  private var owned: [ConnectionID: [Int64]] = [:]

  package init() {}

  package var count: Int { monitors.count }

  /// - Returns: its number; nil when the connection has as many as it may.
  package mutating func add(_ nodes: [NodeID], for connection: ConnectionID) -> Int64? {
    guard owned[connection, default: []].count < Self.maximumPerConnection else { return nil }
    let number = nextNumber
    nextNumber += 1
    monitors[number] = Monitor(connection: connection, nodes: nodes)
    owned[connection, default: []].append(number)
    for node in nodes { watching[node, default: []].append(number) }
    return number
  }

  /// Ends a monitor; one that is not there, has fired, or is another connection's changes nothing.
  package mutating func remove(_ number: Int64, of connection: ConnectionID) {
    guard let monitor = monitors[number], monitor.connection == connection else { return }
    for node in monitor.nodes { unwatch(node, number) }
    forget(number, monitor)
  }

  /// A process of this instance has ended.
  ///
  /// - Returns: the monitors that fire, oldest first.
  package mutating func fire(_ node: NodeID) -> [(number: Int64, connection: ConnectionID)] {
    (watching.removeValue(forKey: node) ?? []).compactMap { number in fire(number, node) }
  }

  /// One monitor fires for an instance that has no process.
  package mutating func fire(_ number: Int64, at node: NodeID) {
    unwatch(node, number)
    _ = fire(number, node)
  }

  private mutating func fire(
    _ number: Int64, _ node: NodeID
  ) -> (number: Int64, connection: ConnectionID)? {
    guard var monitor = monitors[number] else { return nil }
    monitor.nodes.removeAll { $0 == node }
    monitors[number] = monitor
    if monitor.nodes.isEmpty { forget(number, monitor) }
    return (number, monitor.connection)
  }

  /// The connection is gone.
  package mutating func removeAll(of connection: ConnectionID) {
    for number in owned[connection] ?? [] { remove(number, of: connection) }
  }

  private mutating func forget(_ number: Int64, _ monitor: Monitor) {
    monitors[number] = nil
    owned[monitor.connection]?.removeAll { $0 == number }
    if owned[monitor.connection]?.isEmpty == true { owned[monitor.connection] = nil }
  }

  private mutating func unwatch(_ node: NodeID, _ number: Int64) {
    watching[node]?.removeAll { $0 == number }
    if watching[node]?.isEmpty == true { watching[node] = nil }
  }
}
