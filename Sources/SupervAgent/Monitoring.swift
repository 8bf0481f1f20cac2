internal import SupervProtocol

/// The end of a process that was monitored.
public struct Down: Hashable, Sendable {
  /// The instance: `writer`, or `writer:1` where there are several.
  public var agent: String
  /// Which start of it ended; nil when there was none.
  public var incarnation: Int?
  /// Why, for people.
  public var reason: String
}

/// A monitor, and what it has told already.
struct Monitoring {
  var agent: String
  var downs: AsyncStream<Down>.Continuation
  /// superv's number for it on the current connection.
  var number: Int64?
  /// Each instance fires once, however often the connection is made again.
  var told: Set<String> = []
}

extension Agent {
  /// Watches for the end of another agent's process.
  ///
  /// ```swift
  /// for await down in try await agent.monitor("writer") {
  ///   print("\(down.agent) is gone: \(down.reason)")
  /// }
  /// ```
  ///
  /// As in OTP it fires once: when the process ends, or at once when there is none. The name of an
  /// agent with several instances watches all of them and fires once for each; such a stream ends
  /// only with the agent or with whoever reads it. Letting go of the stream ends the monitor.
  ///
  /// - Throws: `SupervError`: who may call an agent may monitor it.
  public func monitor(_ agent: String) async throws(SupervError) -> AsyncStream<Down> {
    let (stream, downs) = AsyncStream.makeStream(of: Down.self)
    let key = makeID()
    monitors[key] = Monitoring(agent: agent, downs: downs)
    var params = ParamsWriter()
    params.add("agent", agent)
    let answer = await ask("monitor", params, within: .seconds(30)) { .monitor(key, $0) }
    if case .failure(let error) = answer {
      demonitor(key)
      throw error
    }
    downs.onTermination = { [weak self] _ in
      guard let self else { return }
      Task { await self.demonitor(key) }
    }
    return stream
  }

  /// Asks again, after a reconnect.
  func askForDowns(of key: Int64) -> Bool {
    guard let connection, let monitoring = monitors[key] else { return false }
    var params = ParamsWriter()
    params.add("agent", monitoring.agent)
    let id = makeID()
    pending[id] = .monitor(key, nil)
    return connection.send(Outgoing.request(id: id, "monitor", params))
  }

  func monitorAnswered(_ answer: Answer, _ key: Int64) {
    struct Made: Decodable {
      var monitor: Int64
    }
    switch answer {
    case .success(let result):
      guard let number = try? JSON.decode(Made.self, from: result.span).monitor else { return }
      if monitors[key] == nil { demonitor(number: number) }
      monitors[key]?.number = number
    case .failure:
      // The agent is not there any more, or out of bounds: nothing will ever come.
      monitors.removeValue(forKey: key)?.downs.finish()
    }
  }

  func take(_ down: Down, _ number: Int64) {
    guard let (key, monitoring) = monitors.first(where: { $0.value.number == number }),
      monitors[key]?.told.insert(down.agent).inserted == true
    else { return }
    monitoring.downs.yield(down)
    // A name that is an instance's own has nothing more to tell.
    if down.agent == monitoring.agent {
      monitors[key] = nil
      monitoring.downs.finish()
    }
  }

  private func demonitor(_ key: Int64) {
    guard let monitoring = monitors.removeValue(forKey: key) else { return }
    monitoring.downs.finish()
    if let number = monitoring.number { demonitor(number: number) }
  }

  private func demonitor(number: Int64) {
    var params = ParamsWriter()
    params.add("monitor", number)
    tell("demonitor", params)
  }
}
