import SupervProtocol
import SupervisionTree

// Who is told when the process of an instance ends.

private struct MonitorParams: Decodable {
  var agent: String
}

private struct MonitorResult: Encodable {
  var monitor: Int64
}

private struct DemonitorParams: Decodable {
  var monitor: Int64
}

private struct DownParams: Encodable {
  var monitor: Int64
  var agent: String
  var incarnation: UInt64
  var reason: String
}

extension Daemon {
  func monitor(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {
    let params = try JSON.decodeParams(MonitorParams.self, of: message, in: line)
    let nodes: [NodeID]
    do {
      let route = try self.route(to: Array(params.agent.utf8).span, for: session.asker)
      nodes = calls.routes[route].peers
    } catch {
      tellRefusal(error, of: session.process)
      throw error
    }
    guard let number = calls.monitors.add(nodes, for: session.id) else {
      let limit = MonitorTable.maximumPerConnection
      let error = RPCError(.overloaded, "this connection has \(limit) monitors already")
      tellRefusal("monitor.refused", of: session.process, because: error.message)
      throw error
    }
    reply(in: session, message, in: line, MonitorResult(monitor: number))
    for node in nodes where agents[node.index]?.process?.isAlive != true {
      calls.monitors.fire(number, at: node)
      let status = tree.status(of: node)
      sendDown(
        DownParams(
          monitor: number, agent: calls.name(of: node), incarnation: status.incarnation,
          reason: "it has no process: \(status.reason)"),
        to: session.id)
    }
  }

  func demonitor(
    _ message: Message, in line: Span<UInt8>, from session: Session
  ) throws(RPCError) {
    let params = try JSON.decodeParams(DemonitorParams.self, of: message, in: line)
    calls.monitors.remove(params.monitor, of: session.id)
  }

  func fireMonitors(of process: ProcessKey, _ name: String, _ termination: Termination) {
    let fired = calls.monitors.fire(process.node)
    if fired.isEmpty { return }
    let exitClass = tree.status(of: process.node).lastExit?.exitClass
    let reason = exitClass.map { "\(termination) (\($0))" } ?? "\(termination)"
    for (number, connection) in fired {
      sendDown(
        DownParams(
          monitor: number, agent: name, incarnation: process.incarnation, reason: reason),
        to: connection)
    }
  }

  private func sendDown(_ params: DownParams, to connection: ConnectionID) {
    guard let session = sessions[connection] else { return }
    var bytes: [UInt8] = []
    MessageWriter.appendNotification(method: "down", params: params, to: &bytes)
    deliver(bytes, to: session)
  }
}
