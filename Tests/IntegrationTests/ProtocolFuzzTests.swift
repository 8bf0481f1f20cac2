import SupervSystem
import Testing

/// Ten million bytes of protocol traffic gone wrong, from an agent: superv neither falls nor grows,
/// and honest agents are served meanwhile.
@Suite(.aside) struct ProtocolFuzzTests {
  private static let tree = """
    [supervisor:newsroom]
    children = liar, planner, writer

    \(puppet("liar"))
    \(puppet("planner"))
    \(puppet("writer"))
    """

  private static let totalBytes = 10_000_000
  /// Sent between two honest calls.
  private static let batchBytes = 200_000

  @Test func mutatedTrafficHurtsNobody() throws {
    try withSuperv(Self.tree) { superv in
      let stage = try PuppetStage(superv)
      try superv.start()
      let planner = try stage.next("planner")
      let writer = try stage.next("writer")
      try writer.serve()
      let seed = UInt64.random(in: 0 ... .max)
      print("the seed of the mutated traffic is \(seed)")
      var mutator = Mutator(seed: seed)
      var liar = try stage.next("liar")
      var sent = 0
      var firstBytes = 0
      while sent < Self.totalBytes {
        var batch: [UInt8] = []
        while batch.count < Self.batchBytes { batch += mutator.message() }
        sent += batch.count
        // It may have been closed for what it did not read.
        if (try? liar.send(batch)) == nil { liar = try stage.next("liar") }
        while try liar.hasInput(withinMilliseconds: 0) {
          guard try liar.hear(withinMilliseconds: 0) != nil else { break }
        }
        try expectService(planner, writer)
        if firstBytes == 0 { firstBytes = try superv.residentBytes() }
      }
      let grown = try superv.residentBytes() - firstBytes
      print("\(sent) bytes sent, the daemon has grown by \(grown / 1024) KiB")
      #expect(grown < 24 << 20)
      #expect(try superv.status()[agent: "writer"]?.incarnation == 1)
    }
  }

  private func expectService(_ planner: Puppet, _ writer: Puppet) throws {
    let id = try planner.call("writer", timeoutMilliseconds: 86_400_000)
    // Whatever the liar has got through to it is not this call.
    while let line = try writer.hear() {
      // Numbers without end are JSON, and more than Foundation reads.
      guard let request = try? Puppet.Message(line), request.method == "handle" else { continue }
      try writer.answer(request)
      if request.params["from"] as? String == "planner" { break }
    }
    while let line = try planner.hear() {
      guard let answer = try? Puppet.Message(line), answer.method == nil else { continue }
      #expect(answer.id == "\(id)")
      #expect(answer.result as? String == "done")
      return
    }
  }
}

/// Messages that are nearly right.
private struct Mutator {
  private var state: UInt64

  init(seed: UInt64) { state = seed | 1 }

  private static let templates = [
    #"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"serves":false}}"#,
    #"{"jsonrpc":"2.0","id":2,"method":"ready"}"#,
    #"{"jsonrpc":"2.0","id":3,"method":"status","params":{"text":"at work"}}"#,
    #"{"jsonrpc":"2.0","method":"heartbeat","params":{"progress":7}}"#,
    #"{"jsonrpc":"2.0","id":4,"method":"op.begin","params":{"op":"1","kind":"x"}}"#,
    #"{"jsonrpc":"2.0","id":5,"method":"op.end","params":{"op":"1"}}"#,
    #"{"jsonrpc":"2.0","id":6,"method":"call","params":{"to":"liar","method":"","timeout_ms":5}}"#,
    #"{"jsonrpc":"2.0","id":7,"method":"cast","params":{"to":"writer","method":"m","params":[1]}}"#,
    #"{"jsonrpc":"2.0","id":8,"method":"monitor","params":{"agent":"writer"}}"#,
    #"{"jsonrpc":"2.0","method":"cancel","params":{"id":6}}"#,
    #"{"jsonrpc":"2.0","id":"p1","result":{}}"#,
    #"{"jsonrpc":"2.0","id":"00ff","error":{"code":1,"message":"no"}}"#,
    #"{"jsonrpc":"2.0","id":9,"method":"log","params":{"level":"info","message":"m"}}"#,
  ].map { Array($0.utf8) }

  /// xorshift: the same seed, the same traffic.
  private mutating func next(below bound: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state % UInt64(bound))
  }

  mutating func message() -> [UInt8] {
    var bytes = Self.templates[next(below: Self.templates.count)]
    for _ in 0..<next(below: 4) { mutate(&bytes) }
    // Now and then the end of the line is missing, too.
    return next(below: 50) == 0 ? bytes : bytes + [10]
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    let index = next(below: bytes.count)
    switch next(below: 7) {
    case 0: bytes[index] = UInt8(next(below: 256))
    case 1: bytes.remove(at: index)
    case 2: bytes.insert(UInt8(next(below: 256)), at: index)
    case 3: bytes.removeLast(bytes.count - index)
    case 4: bytes.insert(contentsOf: bytes[..<index], at: index)
    case 5: bytes.insert(contentsOf: [UInt8](repeating: 0x5B, count: next(below: 300)), at: index)
    default: bytes.insert(contentsOf: [UInt8](repeating: 0x39, count: next(below: 400)), at: index)
    }
  }
}
