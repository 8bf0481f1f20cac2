import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// What peers may send, and what they are answered.
@Suite struct ConnectionTests {
  @Test func garbageIsAnsweredAndChangesNothing() throws {
    let world = try World("[agent:a]\ncommand = a")
    let client = world.connect()
    let garbage = [
      "", " ", "hello", "{", "}", "[]", "null", "1", "\"status\"", "{}", "\u{0}\u{1}",
      "GET / HTTP/1.1\r",
      #"{"jsonrpc":"2.0"}"#, #"{"jsonrpc":"2.0","id":null,"method":"status"}"#,
      #"[{"jsonrpc":"2.0","id":1,"method":"shutdown"}]"#,
      #"{"jsonrpc":"2.0","id":1,"id":2,"method":"shutdown"}"#,
      String(repeating: "[", count: 5000),
    ]
    for (number, line) in garbage.enumerated() {
      client.send(line + "\n")
      #expect(client.faults.count + client.answers.count == number + 1, "\(line)")
    }
    client.send([0xFF, 0xFE, 0x00, UInt8(ascii: "\n")])
    #expect(client.faults.count + client.answers.count == garbage.count + 1)
    #expect(client.faults.allSatisfy { $0.kind == .invalid })
    let id = client.request("health")
    #expect(client.answers[id] != nil)
    #expect(world.kernel.acts == [.start("a")])
    #expect(try world.status().daemon.state == .running)
  }

  @Test func otherVersionsAreRefusedWithTheirID() throws {
    let world = try World("[agent:a]\ncommand = a")
    let client = world.connect()
    client.send(#"{"jsonrpc":"1.0","id":7,"method":"shutdown"}"# + "\n")
    client.send(#"{"id":8,"method":"shutdown"}"# + "\n")
    client.send(#"{"jsonrpc":2.0,"id":9,"method":"shutdown"}"# + "\n")
    for id: Int64 in [7, 8, 9] {
      #expect(client.failure(of: id)?.code == RPCError.invalidRequestCode)
    }
    #expect(world.daemon.end == nil)
  }

  @Test func idsComeBackByteForByte() throws {
    let world = try World("[agent:a]\ncommand = a")
    var sent: [UInt8] = []
    let client = world.connect()
    world.kernel.onSend = { _, bytes in sent += bytes }
    for id in [#""x\u0041é""#, "1e2", "-0", "12345678901234567890", #""""#] {
      sent = []
      client.send(#"{"id":\#(id),"method":"health","jsonrpc":"2.0"}"# + "\n")
      #expect(String(decoding: sent, as: UTF8.self).hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"#))
    }
  }

  @Test func messagesMayComeInPieces() throws {
    let world = try World("[agent:a]\ncommand = a")
    let client = world.connect()
    let lines = Array((client.line("health") + client.line("status") + client.line("logs")).utf8)
    for byte in lines.dropLast() { client.send([byte]) }
    #expect(client.unanswered == [3])
    client.send([UInt8(ascii: "\n")])
    #expect(client.unanswered == [])
    // Half a message at the end is no message.
    client.send(String(client.line("shutdown").dropLast()))
    world.kernel.hangUp(client.id)
    world.settle()
    #expect(world.daemon.end == nil)
    #expect(try world.status().daemon.state == .running)
  }

  @Test func longLineIsRefusedAndTheNextOneRead() throws {
    let world = try World("[superv]\nmessage_max = 4096\n[agent:a]\ncommand = a")
    let client = world.connect()
    func padded(_ length: Int) -> String {
      let line = client.line("health", #"{"pad":""}"#)
      let pad = String(repeating: "x", count: length + 1 - line.utf8.count)
      return line.replacing(#""pad":""#, with: #""pad":"\#(pad)"#)
    }
    client.send(padded(4096))
    #expect(client.answers.count == 1)
    client.send(padded(4097))
    #expect(client.faults.map(\.kind) == [.tooLarge])
    #expect(client.faults.first?.message.contains("4096") == true)
    for _ in 0..<100 { client.send(String(repeating: "y", count: 10_000)) }
    #expect(client.faults.count == 2)
    client.send("\n" + client.line("health"))
    #expect(client.answers.keys.sorted() == [1, 3])
    #expect(client.faults.count == 2)
  }

  @Test func notificationsAndAnswersAreNotAnswered() throws {
    let world = try World("[agent:a]\ncommand = a")
    let client = world.connect()
    client.send(#"{"jsonrpc":"2.0","method":"shutdown"}"# + "\n")
    client.send(#"{"jsonrpc":"2.0","method":"nonsense","params":[1]}"# + "\n")
    client.send(#"{"jsonrpc":"2.0","id":1,"result":{}}"# + "\n")
    client.send(#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"# + "\n")
    #expect(client.answers.isEmpty && client.faults.isEmpty)
    #expect(try world.status().daemon.state == .running)
  }

  @Test func thousandsOfConnectionsCostNothing() throws {
    let world = try World("[agent:a]\ncommand = a")
    let clients = world.connect(count: 3000)
    func ask(_ method: String, _ params: String, _ clients: ArraySlice<Client>) {
      world.kernel.arrivals += clients.map { .received($0.id, Array($0.line(method, params).utf8)) }
      world.turn()
    }
    ask("status", #"{"wait":"ready"}"#, clients[..<1000])
    ask("events", #"{"follow":true}"#, clients[2000...])
    world.advance(.seconds(1))
    #expect(clients.prefix(1000).allSatisfy { $0.answers.count == 1 })
    for client in clients.suffix(1000) {
      #expect(try client.followed.map(\.event) == ["agent.ready"])
    }
    for client in clients { world.kernel.hangUp(client.id) }
    world.settle()
    world.end("a")
    for client in clients { #expect(try client.followed.count <= 1) }
    #expect(try world.status().agents.count == 1)
  }

  /// Whoever goes away while its request waits is forgotten.
  @Test func goneWhileItWaits() throws {
    let world = try World("[agent:a]\ncommand = a") { $0.undying = ["a"] }
    let client = world.connect()
    client.request("down", #"{"names":["a"]}"#)
    world.kernel.hangUp(client.id)
    world.settle()
    world.end("a", .exited(code: 0))
    #expect(client.answers.isEmpty)
    #expect(try world.agent("a").phase == "stopped")
    // Events of a connection that is not there any more are dropped.
    client.request("up", #"{"names":["a"]}"#)
    #expect(try world.agent("a").phase == "stopped")
  }
}
