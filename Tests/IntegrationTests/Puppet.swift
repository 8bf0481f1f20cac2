import Foundation
import SupervSystem
import Testing

// Puppets are agents without a will: whatever the test writes goes to superv byte for byte, and
// what superv says comes to the test. So a test can be any agent, a lying one too.

/// A section of an agent that is a puppet.
func puppet(_ name: String, keys: String = "") -> String {
  "[agent:\(name)]\ncommand = python3 puppet.py\nstartsecs = 0\n\(keys)\n"
}

/// Where the puppets of one superv meet their test.
final class PuppetStage {
  private let listener: Descriptor
  private var waiting: [String: [Puppet]] = [:]

  /// To be made before the start of a superv with puppets.
  init(_ superv: Superv) throws {
    listener = try UnixSocket.listen(at: "\(superv.folder)/stage.sock", backlog: 1024)
    try superv.write("puppet.py", Self.program)
  }

  /// The next connection of an agent to superv; a puppet opens one as soon as it runs, and another
  /// whenever one is closed.
  func next(_ name: String) throws -> Puppet {
    let deadline = Clock.monotonicNanoseconds + patienceSeconds * 1_000_000_000
    while waiting[name]?.isEmpty != false {
      let left = (deadline - Clock.monotonicNanoseconds) / 1_000_000
      guard left > 0, try listener.wait(timeoutMilliseconds: left) else {
        throw TimedOut("the puppet \(name) comes")
      }
      guard let puppet = try accept() else { continue }
      waiting[puppet.name, default: []].append(puppet)
    }
    return waiting[name, default: []].removeFirst()
  }

  private func accept() throws -> Puppet? {
    guard let socket = try listener.accept() else { return nil }
    let connection = ControlConnection(socket)
    guard let line = try connection.line() else { return nil }
    let words = line.split(separator: " ").map(String.init)
    return Puppet(name: words[0], pid: try #require(Int32(words[1])), connection)
  }

  /// It bridges two sockets; on `stop` it ends, unless it is deaf.
  private static let program = """
    import os, socket, sys, threading

    def connect(path):
        end = socket.socket(socket.AF_UNIX)
        end.connect(path)
        return end

    def pump(source, sink, watched):
        while data := source.recv(65536):
            sink.sendall(data)
            if watched and b'"method":"stop"' in data and "DEAF" not in os.environ:
                os._exit(0)
        os._exit(0) if watched == "last" else None

    name = os.environ["SUPERV_AGENT"]
    if int(os.environ.get("INSTANCES", "1")) > 1:
        name += ":" + os.environ["SUPERV_INSTANCE"]
    while True:
        stage = connect("stage.sock")
        stage.sendall(f"{name} {os.getpid()}\\n".encode())
        superv = connect(os.environ["SUPERV_SOCKET"])
        back = threading.Thread(target=pump, args=(superv, stage, True), daemon=True)
        back.start()
        try:
            pump(stage, superv, False)
        except OSError:
            pass
        superv.shutdown(socket.SHUT_RDWR)
        back.join()
        stage.close()
        superv.close()

    """
}

/// One connection of an agent, in the hands of a test.
final class Puppet {
  let name: String
  let pid: Int32
  private let connection: ControlConnection
  private var lastID = 0

  fileprivate init(name: String, pid: Int32, _ connection: ControlConnection) {
    self.name = name
    self.pid = pid
    self.connection = connection
  }

  /// Sends one line as it is.
  func say(_ line: String) throws { try connection.send(line + "\n") }

  /// Sends bytes as they are.
  func send(_ bytes: [UInt8]) throws { try connection.send(bytes) }

  /// The next line; nil at the end of the connection, or when none has come within the time.
  func hear(withinMilliseconds limit: Int64 = patienceSeconds * 1000) throws -> String? {
    try connection.line(withinMilliseconds: limit)
  }

  func hasInput(withinMilliseconds limit: Int64) throws -> Bool {
    try connection.hasInput(withinMilliseconds: limit)
  }

  /// The next message.
  func message() throws -> Message {
    let line = try #require(try hear(), "\(name) hears something")
    return try Message(line)
  }

  /// Sends a request.
  ///
  /// - Returns: its id.
  @discardableResult
  func ask(_ method: String, _ params: String = "{}") throws -> Int {
    lastID += 1
    try say(#"{"jsonrpc":"2.0","id":\#(lastID),"method":"\#(method)","params":\#(params)}"#)
    return lastID
  }

  /// Sends a request and waits for its answer, which has to come next.
  @discardableResult
  func request(_ method: String, _ params: String = "{}") throws -> Message {
    let id = try ask(method, params)
    let answer = try message()
    #expect(answer.id == "\(id)")
    return answer
  }

  /// Says hello and that it is ready.
  @discardableResult
  func serve() throws -> Message {
    try request("hello", #"{"protocol":1,"client":"puppet","ready":true}"#)
  }

  /// Calls and does not wait.
  @discardableResult
  func call(
    _ to: String, _ method: String = "work", timeoutMilliseconds: Int, more: String = ""
  ) throws -> Int {
    try ask(
      "call",
      #"{"to":"\#(to)","method":"\#(method)","timeout_ms":\#(timeoutMilliseconds)\#(more)}"#)
  }

  func answer(_ request: Message, _ result: String = #""done""#) throws {
    try say(#"{"jsonrpc":"2.0","id":\#(request.rawID),"result":\#(result)}"#)
  }

  /// One message, read as a tool would.
  struct Message: CustomStringConvertible {
    let line: String
    private let members: [String: Any]

    init(_ line: String) throws {
      self.line = line
      let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
      members = try #require(value as? [String: Any], "\(line)")
    }

    var description: String { line }
    var method: String? { members["method"] as? String }
    /// As text, whatever it is; nil when it is missing.
    var id: String? {
      switch members["id"] {
      case let text as String: text
      case let number as NSNumber: number.stringValue
      default: nil
      }
    }
    /// As JSON.
    var rawID: String { members["id"] is String ? "\"\(id ?? "")\"" : id ?? "null" }
    var result: Any? { members["result"] }
    var params: [String: Any] { members["params"] as? [String: Any] ?? [:] }
    var error: [String: Any] { members["error"] as? [String: Any] ?? [:] }
    /// The kind of its error; nil without one.
    var kind: String? { (error["data"] as? [String: Any])?["kind"] as? String }
  }
}
