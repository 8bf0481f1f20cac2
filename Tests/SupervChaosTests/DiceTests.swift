import SupervChaos
import Testing

@Suite struct DiceTests {
  @Test func theSameSeedIsTheSameNumbers() {
    var (one, other, third) = (Dice(seed: 7), Dice(seed: 7), Dice(seed: 8))
    let numbers = (0..<100).map { _ in one.next() }
    #expect(numbers == (0..<100).map { _ in other.next() })
    #expect(numbers != (0..<100).map { _ in third.next() })
  }

  /// Of Steele, Lea and Flood's algorithm, seed 0.
  @Test func itIsSplitMix64() {
    var dice = Dice(seed: 0)
    #expect(dice.next() == 0xE220_A839_7B1D_CDAF)
    #expect(dice.next() == 0x6E78_9E6A_A1B9_65F4)
  }

  @Test func weightsOfZeroAreNeverPicked() {
    var dice = Dice(seed: 1)
    let picked = Set((0..<1000).map { _ in dice.pick([0, 3, 0, 1]) })
    #expect(picked == [1, 3])
    #expect(dice.pick([0, 0]) == nil)
  }
}
