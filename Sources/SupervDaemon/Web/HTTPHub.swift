import SupervProtocol
import SupervisionTree

/// The HTTP connections. HTTP shows how things are and changes nothing.
final class HTTPHub {
  private(set) var connections: [ConnectionID: HTTPRequestBuffer] = [:]
  /// Have asked for metrics and wait for a survey; what they ask after that waits as well.
  private(set) var waiting: [ConnectionID: HTTPRequest] = [:]

  func open(_ id: ConnectionID) { connections[id] = HTTPRequestBuffer() }

  func close(_ id: ConnectionID) {
    connections[id] = nil
    waiting[id] = nil
  }

  func park(_ request: HTTPRequest, on id: ConnectionID) { waiting[id] = request }

  /// Those that wait for a survey, oldest connection first.
  func takeWaiting() -> [(id: ConnectionID, request: HTTPRequest)] {
    defer { waiting = [:] }
    return waiting.sorted { $0.key.number < $1.key.number }.map { ($0.key, $0.value) }
  }

  func append(_ bytes: [UInt8], on id: ConnectionID) { connections[id]?.append(bytes) }

  func next(on id: ConnectionID) -> HTTPRequestBuffer.Event? { connections[id]?.next() }
}

extension Daemon {
  func receiveHTTP(_ bytes: [UInt8], on id: ConnectionID) {
    http.append(bytes, on: id)
    answerRequests(on: id)
  }

  private func answerRequests(on id: ConnectionID) {
    while http.waiting[id] == nil, let event = http.next(on: id) {
      switch event {
      case .refused(let status):
        answer(.text(status, "superv cannot read this request"), nil, on: id)
        return
      case .request(let request) where request.path == "/metrics" && request.isRead:
        http.park(request, on: id)
        kernel.beginSurvey()
      case .request(let request): answer(response(to: request), request, on: id)
      }
    }
  }

  /// Answers everybody who waits for metrics with the same text.
  func take(_ survey: Survey) {
    metrics.take(survey)
    let waiting = http.takeWaiting()
    guard !waiting.isEmpty else { return }
    let response = HTTPResponse(
      .ok, contentType: "text/plain; version=0.0.4; charset=utf-8", body: metricsText(survey))
    for (id, request) in waiting {
      answer(response, request, on: id)
      answerRequests(on: id)
    }
  }

  private func answer(_ response: HTTPResponse, _ request: HTTPRequest?, on id: ConnectionID) {
    let keepsAlive = request?.keepsAlive ?? false
    let bytes = response.encoded(
      omitsBody: request?.method == "HEAD", keepsAlive: keepsAlive)
    if !kernel.send(bytes, to: id) || !keepsAlive {
      http.close(id)
      kernel.close(id)
    }
  }

  private func response(to request: HTTPRequest) -> HTTPResponse {
    guard request.isRead else {
      return .text(.methodNotAllowed, "only GET and HEAD")
    }
    switch request.path {
    case "/livez": return .text(.ok, "ok")
    case "/readyz":
      let health = healthReport()
      let text = health.ready ? "ok" : health.reasons.joined(separator: "\n")
      return .text(health.ready ? .ok : .unavailable, text)
    case "/healthz", "/health":
      let health = healthReport()
      return HTTPResponse(
        health.ready ? .ok : .unavailable, contentType: "application/json",
        body: JSON.encode(health) + [UInt8(ascii: "\n")])
    default: return agentResponse(request.path)
    }
  }

  /// `/agents/NAME/readyz`: whether an instance, or all instances of an agent, are ready.
  private func agentResponse(_ path: String) -> HTTPResponse {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[1] == "agents", parts[3] == "readyz",
      let nodes = try? nodes(named: String(parts[2]))
    else { return .text(.notFound, "there is nothing at \(path)") }
    let late = nodes.map { tree.status(of: $0) }.filter { !$0.isReady }
    let text = late.map { "\($0.name) is not ready: \($0.phase.rawValue)" }
    return text.isEmpty
      ? .text(.ok, "ok") : .text(.unavailable, text.joined(separator: "\n"))
  }
}

extension HTTPRequest {
  fileprivate var isRead: Bool { method == "GET" || method == "HEAD" }
}
