import SupervDaemon
import Testing

/// What the runtime would see to if it were asked.
@Suite struct ExclusiveTests {
  private static func change(_ value: inout [Int], meanwhile: () -> Void) {
    meanwhile()
    value.append(1)
  }

  @Test func isReadAndChangedInPlace() {
    let kept = Exclusive([1])
    Self.change(&kept.value) {}
    kept.value[0] = kept.value.count + kept.value[1]
    let sum = kept.value.reduce(0, +)
    #expect(sum == 4)
  }

  @Test func changesThatOverlapStopTheProgram() async {
    await #expect(processExitsWith: .failure) {
      let kept = Exclusive([1])
      Self.change(&kept.value) { Self.change(&kept.value) {} }
    }
    await #expect(processExitsWith: .failure) {
      let kept = Exclusive([1])
      Self.change(&kept.value) { _ = kept.value.count }
    }
  }
}
