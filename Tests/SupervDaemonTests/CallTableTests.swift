import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervisionTree
import Testing

/// The slab against a model of it.
@Suite struct CallTableTests {
  private final class Party {
    let asker: Asker
    let node: NodeID
    init(_ number: Int, in table: inout CallTable) {
      let connection = ConnectionID(.agent, number: UInt64(number))
      asker = Asker(connection, of: nil, name: "a\(number)", in: &table)
      node = NodeID(index: number)
    }
  }

  private struct Known {
    var id: CallID
    var callerID: [UInt8]
    var asker: Int
    var peer: Int
    var deadline: Int64
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func followsItsModel(_ seed: UInt64) {
    var random = Jitter(seed: seed)
    var table = CallTable(firstNumber: random.next())
    let parties = (0..<5).map { Party($0, in: &table) }
    var known: [Known] = []
    var gone: [CallID] = []
    for step in 0..<3000 {
      let isFilling = step % 1000 < 500
      if Int.random(in: 0..<10, using: &random) < (isFilling ? 7 : 3) || known.isEmpty {
        let (asker, peer) = (Int(random.next() % 5), Int(random.next() % 5))
        let length = Int.random(in: 1...MessageScanner.maximumIDBytes, using: &random)
        let callerID = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let deadline = Int64(random.next() % 1000)
        let id = table.add(
          Call(
            by: parties[asker].asker, callee: parties[peer].node,
            connection: ConnectionID(.agent, number: 1), startedAt: MonotonicTime(nanoseconds: 0),
            deadline: MonotonicTime(nanoseconds: deadline)),
          callerID: callerID.span)
        known.append(
          Known(id: id, callerID: callerID, asker: asker, peer: peer, deadline: deadline))
      } else {
        let index =
          random.next() % 3 == 0
          ? known.firstIndex { $0.id == table.firstDue(at: MonotonicTime(nanoseconds: .max)) } ?? 0
          : Int(random.next() % UInt64(known.count))
        let one = known.remove(at: index)
        var callerID: [UInt8] = []
        callerID.append(addingCapacity: MessageScanner.maximumIDBytes) { output in
          table.appendCallerID(of: one.id, to: &output)
        }
        #expect(callerID == one.callerID)
        table.remove(one.id)
        gone.append(one.id)
      }
      if step % 7 == 0 { check(table, known, parties) }
    }
    #expect(gone.allSatisfy { !table.isCurrent($0) && table.wasIssued($0) })
    #expect(Set(gone).count == gone.count)
    #expect(known.allSatisfy { table.isCurrent($0.id) })
  }

  private func check(_ table: borrowing CallTable, _ known: [Known], _ parties: [Party]) {
    #expect(table.count == known.count)
    #expect(table.nextDeadline?.nanoseconds == known.map(\.deadline).min())
    for (index, party) in parties.enumerated() {
      let waiting = known.filter { $0.asker == index }
      let hands = known.filter { $0.peer == index }
      #expect(table.waitingCount(party.asker.number) == waiting.count)
      #expect(table.first(waiting: party.asker.number) == waiting.first?.id)
      #expect(table.handsCount(party.node) == hands.count)
      #expect(table.all(hands: party.node) == hands.map(\.id))
    }
  }

  @Test func callerIDsAreFoundOldestFirst() {
    var table = CallTable(firstNumber: 1)
    let party = Party(1, in: &table)
    func add(_ id: String) -> CallID {
      table.add(
        Call(
          by: party.asker, callee: party.node, connection: party.asker.connection,
          startedAt: MonotonicTime(nanoseconds: 0), deadline: MonotonicTime(nanoseconds: 1)),
        callerID: Array(id.utf8).span)
    }
    func find(_ id: String) -> CallID? {
      table.find(callerID: Array(id.utf8).span, of: party.asker.number)
    }
    let ids = ["1", #""1""#, "1", "12"].map { add($0) }
    #expect(find("1") == ids[0] && find(#""1""#) == ids[1] && find("12") == ids[3])
    #expect(find("2") == nil && find("") == nil)
  }

  @Test func idsAreThoseOfNoOtherCall() {
    let bytes = Array(#""0000010000000001""#.utf8)
    let id = CallID(answer: 0..<bytes.count, in: bytes.span)
    #expect(id?.rawValue == 0x0000_0100_0000_0001)
    #expect(CallTable(firstNumber: 5).wasIssued(CallID(rawValue: 5)) == false)
    for text in [#""000001000000000""#, "000001000000000100", #""00000100000000G1""#, #""P1""#] {
      let bytes = Array(text.utf8)
      #expect(CallID(answer: 0..<bytes.count, in: bytes.span) == nil)
    }
  }
}
