import SupervDaemon
import SupervProtocol
import SupervSystem

/// Somebody at the control socket, who connects again when the connection breaks.
final class Operator: Peer {
  private struct Asked {
    let question: Step.Question
    let names: [String]
    var isAnswered = false
  }

  private unowned let machine: Machine
  private let auditor: Auditor
  private var connection: ConnectionID?
  private var input = LineBuffer(maximumLineBytes: 16 << 20)
  /// By the id, from 1; those of earlier connections are never answered.
  private var asked: [Asked] = []
  private var firstOfConnection = 0
  /// Told of an answer to `upgrade`.
  var onUpgrade: () -> Void = {}
  /// The latest answer to `status`.
  private(set) var status: StatusReport?
  private var statusID: Int64?
  private var upgradeID: Int64?

  let process: ProcessKey? = nil

  init(on machine: Machine) {
    self.machine = machine
    auditor = machine.auditor
  }

  private func connect() -> Bool {
    if connection != nil { return true }
    let peer = PeerCredentials(process: 77, user: 1000, group: 1000)
    connection = machine.connect(.control, .control(peer), self)
    input = LineBuffer(maximumLineBytes: 16 << 20)
    firstOfConnection = asked.count
    return connection != nil
  }

  func hangUp() {
    if let connection { machine.hangUp(connection) }
  }

  func isHeard() {}
  func connectionIsGone() { connection = nil }

  // MARK: Questions

  func ask(_ question: Step.Question, _ names: [String]) {
    guard connect() else { return }
    if [.up, .down, .restart, .signal].contains(question) { license(question, names) }
    let list = names.map { "\"\($0)\"" }.joined(separator: ",")
    let params =
      switch question {
      case .up, .down, .restart: #"{"names":[\#(list)]}"#
      case .signal: #"{"names":[\#(list)],"signal":"USR1"}"#
      case .why: #"{"name":"\#(names.first ?? "a")"}"#
      case .logs: #"{"names":[\#(list)]}"#
      case .events: #"{"follow":true}"#
      case .reload: #"{"plan":true}"#
      case .status, .health, .shutdown: "{}"
      }
    say(question, names, question.rawValue, params)
  }

  func upgrade() {
    guard connect() else { return }
    upgradeID = Int64(asked.count + 1)
    say(.status, [], "upgrade", #"{"binary":"/opt/superv/new"}"#)
  }

  /// The whole of it, decoded when it comes.
  func askStatus() {
    guard connect() else { return }
    status = nil
    statusID = Int64(asked.count + 1)
    ask(.status, [])
  }

  private func say(_ question: Step.Question, _ names: [String], _ method: String, _ params: String)
  {
    guard let connection else { return }
    asked.append(Asked(question: question, names: names))
    machine.say(
      #"{"jsonrpc":"2.0","id":\#(asked.count),"method":"\#(method)","params":\#(params)}"#,
      on: connection)
  }

  /// What an operator asks for may end and start what it names, and everything below that.
  private func license(_ question: Step.Question, _ names: [String]) {
    for name in names {
      // Also those that a reload is taking out.
      let others = auditor.held.union(auditor.views.keys).filter { $0.hasPrefix("\(name):") }
      let instances = auditor.plan.instances(below: name) + others
      auditor.licensed.formUnion(instances)
      if question == .down || question == .signal { continue }
      auditor.held.subtract(instances + [name])
      // An operator's `up` begins the budget anew.
      for instance in instances { auditor.views[instance]?.endedByItself = nil }
      for spender in instances + [name] { auditor.restarts[spender] = [] }
    }
  }

  // MARK: Answers

  func receive(_ bytes: [UInt8]) {
    input.append(bytes.span)
    while let event = input.next() {
      guard case .line(let range) = event else { continue }
      input.withBytes(of: range) { hear($0) }
    }
  }

  private func hear(_ line: Span<UInt8>) {
    guard let message = try? MessageScanner.scan(line) else {
      return auditor.complain(.requests, "an operator is sent something that is no message")
    }
    guard message.kind == .result || message.kind == .error else { return }
    guard let id = message.integerID(in: line), id >= 1, id <= asked.count else {
      return auditor.complain(.requests, "an answer to nothing")
    }
    let index = Int(id) - 1
    if asked[index].isAnswered || index < firstOfConnection {
      auditor.complain(.requests, "\(asked[index].question) \(id) is answered twice")
    }
    asked[index].isAnswered = true
    guard message.kind == .result, let range = message.result else { return }
    let result = line.extracting(range)
    if id == upgradeID { onUpgrade() }
    if id == statusID { status = try? JSON.decode(StatusReport.self, from: result) }
    if asked[index].question == .down { hold(index, result) }
  }

  /// From now on what it was told is stopped stays so, unless somebody has asked for something else
  /// meanwhile.
  private func hold(_ index: Int, _ result: Span<UInt8>) {
    guard let report = try? JSON.decode(ActionReport.self, from: result) else { return }
    let since = asked[(index + 1)...].filter { $0.question == .up || $0.question == .restart }
      .flatMap(\.names)
    for one in report.results where one.ok {
      let isTakenBack = since.contains { name in
        name == one.name || one.name.hasPrefix("\(name):")
          || auditor.plan.instances(below: name).contains(one.name)
      }
      if !isTakenBack { auditor.held.insert(one.name) }
    }
  }

  // MARK: What must hold

  /// Nothing is on its way any more.
  func checkRest() {
    guard connection != nil else { return }
    for one in asked[firstOfConnection...] where !one.isAnswered {
      auditor.complain(.requests, "\(one.question) \(one.names) is not answered")
    }
  }
}
