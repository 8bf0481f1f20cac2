import SupervDaemon
import SupervisionTree
import Testing

/// The heap of deadlines against a dictionary that is searched.
@Suite struct TimerHeapTests {
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func agreesWithANaiveModel(seed: UInt64) {
    var random = Jitter(seed: seed)
    var heap = TimerHeap()
    var model: [Int: Int64] = [:]
    var now: Int64 = 0
    // Few keys and few times make for ties and for deadlines that change.
    let keys = Int.random(in: 1...60, using: &random)
    for _ in 0..<800 {
      let key = Int.random(in: -1..<keys, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let time = now + Int64.random(in: -5...40, using: &random)
        heap.set(key, at: MonotonicTime(nanoseconds: time))
        model[key] = time
      case 5..<7:
        heap.cancel(key)
        model[key] = nil
      default:
        now += Int64.random(in: 0...5, using: &random)
        while let due = heap.popDue(MonotonicTime(nanoseconds: now)) {
          let time = model.removeValue(forKey: due)
          #expect(time.map { $0 <= now } == true, "seed \(seed)")
          #expect(model.values.allSatisfy { $0 >= time ?? 0 }, "seed \(seed)")
        }
        #expect(model.values.allSatisfy { $0 > now }, "seed \(seed)")
      }
      #expect(heap.isEmpty == model.isEmpty, "seed \(seed)")
      #expect(heap.first?.time.nanoseconds == model.values.min(), "seed \(seed)")
    }
  }

  @Test func emptiesInOrder() {
    var heap = TimerHeap()
    let times = (0..<1000).map { ($0 * 7919) % 1000 }
    for (key, time) in times.enumerated() {
      heap.set(key, at: MonotonicTime(nanoseconds: Int64(time)))
    }
    for time in 0..<1000 {
      #expect(heap.popDue(MonotonicTime(nanoseconds: Int64(time) - 1)) == nil)
      let key = heap.popDue(MonotonicTime(nanoseconds: Int64(time)))
      #expect(key.map { times[$0] } == time)
    }
    #expect(heap.isEmpty && heap.first == nil)
  }
}
