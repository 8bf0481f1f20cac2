import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree

/// A process of an agent that speaks the child protocol: it says hello, answers as its manner is,
/// calls others, and comes again when its connection breaks.
final class Talker: Peer {
  private struct Call {
    let timeout: Duration
    /// From when on the daemon has it.
    var deadline: MonotonicTime?
    /// When it has to be over, in served time.
    let due: Duration
    var isEnded = false
  }

  private unowned let machine: Machine
  private let auditor: Auditor
  let body: Machine.Process
  private let key: ProcessKey
  var manner = Step.Manner.atOnce
  private var connection: ConnectionID?
  private var input = LineBuffer(maximumLineBytes: 1 << 20)
  private var nextID: Int64 = 1
  /// Of the connection that there is.
  private var calls: [Int64: Call] = [:]
  /// What it has said and the daemon has not heard yet: the ids of calls, nil for everything else.
  private var unheard: [Int64?] = []

  var process: ProcessKey? { key }
  var name: String { body.name }

  init(_ body: Machine.Process, _ key: ProcessKey, on machine: Machine) {
    self.body = body
    self.key = key
    self.machine = machine
    auditor = machine.auditor
  }

  // MARK: What it does

  func connect() {
    guard connection == nil, body.isLiving, !body.isFrozen else { return }
    let peer = PeerCredentials(process: body.pid, user: 1000, group: 1000)
    connection = machine.connect(.agent, .agent(key, peer), self)
    input = LineBuffer(maximumLineBytes: 1 << 20)
    request("hello", #"{"protocol":1,"ready":true}"#)
  }

  func hangUp() {
    if let connection { machine.hangUp(connection) }
  }

  func call(_ to: String, milliseconds: Int) {
    guard connection != nil, !body.isFrozen else { return }
    let span = Duration.milliseconds(milliseconds)
    calls[nextID] = Call(timeout: span, due: machine.served + span)
    request(
      "call", #"{"to":"\#(to)","method":"work","params":[],"timeout_ms":\#(milliseconds)}"#,
      isCall: true)
  }

  func cancelLastCall() {
    guard let id = calls.keys.max() else { return }
    say(#"{"jsonrpc":"2.0","method":"cancel","params":{"id":\#(id)}}"#)
  }

  func tell(_ method: String) { say(#"{"jsonrpc":"2.0","method":"\#(method)"}"#) }

  private func request(_ method: String, _ params: String, isCall: Bool = false) {
    say(
      #"{"jsonrpc":"2.0","id":\#(nextID),"method":"\#(method)","params":\#(params)}"#,
      call: isCall ? nextID : nil)
    nextID += 1
  }

  private func say(_ text: String, call: Int64? = nil) {
    guard let connection, body.isLiving, !body.isFrozen else { return }
    unheard.append(call)
    machine.say(text, on: connection)
  }

  func isHeard() {
    guard !unheard.isEmpty, let id = unheard.removeFirst(), let call = calls[id] else { return }
    calls[id]?.deadline = machine.now + call.timeout
  }

  // MARK: What it hears

  func receive(_ bytes: [UInt8]) {
    input.append(bytes.span)
    while let event = input.next() {
      guard case .line(let range) = event else { continue }
      input.withBytes(of: range) { hear($0) }
    }
  }

  private func hear(_ line: Span<UInt8>) {
    guard let message = try? MessageScanner.scan(line) else {
      return auditor.complain(.calls, "\(name) is sent something that is no message")
    }
    switch message.kind {
    case .result, .error: takeAnswer(message.integerID(in: line), message.kind == .result)
    case .notification:
      if message.methodName(in: line) == "stop" { machine.obey(body, .exited(code: 0)) }
    case .request:
      let id = message.id.map { range in String(decoding: range.map { line[$0] }, as: UTF8.self) }
      answer(id ?? "null")
    }
  }

  private func takeAnswer(_ id: Int64?, _ isResult: Bool) {
    guard let id, let call = calls[id] else { return }
    if call.isEnded { auditor.complain(.calls, "call \(id) of \(name) ends twice") }
    calls[id]?.isEnded = true
    // By when the answer came in that is passed on here: a turn may be slow.
    if isResult, let deadline = call.deadline, machine.eventTime >= deadline {
      auditor.complain(.calls, "call \(id) of \(name) has a result after its deadline")
    }
  }

  private func answer(_ id: String) {
    let result = #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#
    switch manner {
    case .atOnce: machine.after(milliseconds: 1) { [weak self] in self?.say(result) }
    case .after(let span): machine.after(milliseconds: span) { [weak self] in self?.say(result) }
    case .twice:
      machine.after(milliseconds: 1) { [weak self] in self?.say(result) }
      machine.after(milliseconds: 2) { [weak self] in self?.say(result) }
    case .withError:
      let error = #"{"jsonrpc":"2.0","id":\#(id),"error":{"code":1,"message":"no"}}"#
      machine.after(milliseconds: 1) { [weak self] in self?.say(error) }
    case .never: break
    }
  }

  /// What it had asked for over it ends with it.
  func connectionIsGone() {
    connection = nil
    calls = [:]
    unheard = []
    machine.after(milliseconds: 30) { [weak self] in self?.connect() }
  }

  // MARK: What must hold

  func checkTimes() {
    for (id, call) in calls where !call.isEnded {
      if machine.served > call.due + Auditor.patience {
        auditor.complain(.calls, "call \(id) of \(name) does not end")
      }
    }
  }
}
