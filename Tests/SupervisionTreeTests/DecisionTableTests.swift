import SupervisionTree
import Testing

/// Every exit code and every signal under every restart type.
@Suite struct DecisionTableTests {
  private static let sets: [ExitCodes] = [[0], [], [0, 2, 255], [75], [78], [0, 75, 78]]

  private static func decision(
    _ type: RestartType, _ termination: Termination, normal: ExitCodes
  ) -> RestartDecision {
    var agent = AgentSpecification(name: "a")
    agent.normalExitCodes = normal
    return type.decision(after: agent.classOfEnd(termination), termination: termination)
  }

  @Test(arguments: sets) func everyExitCode(normal: ExitCodes) {
    for code in Int32(0)...255 {
      let termination = Termination.exited(code: code)
      let isNormal = normal.codes.contains(code)
      let again: RestartDecision = .restart(code == 75 && !isNormal ? .delayed : .immediate)
      let isHopeless = code == 78 && !isNormal
      #expect(
        Self.decision(.permanent, termination, normal: normal) == (isHopeless ? .fail : again))
      #expect(
        Self.decision(.transient, termination, normal: normal)
          == (isHopeless ? .fail : isNormal ? .leave : again))
      #expect(
        Self.decision(.temporary, termination, normal: normal) == (isHopeless ? .fail : .drop))
    }
  }

  @Test func everySignalIsAbnormal() {
    let ends = (Int32(1)...64).flatMap { signal in
      [true, false].map { Termination.signalled(signal, coreDumped: $0) }
    }
    for termination in ends + [.unknown] {
      for normal in Self.sets {
        #expect(
          Self.decision(.permanent, termination, normal: normal) == .restart(.immediate))
        #expect(
          Self.decision(.transient, termination, normal: normal) == .restart(.immediate))
        #expect(Self.decision(.temporary, termination, normal: normal) == .drop)
      }
    }
  }

  /// A supervisor that gave up ends normally: reason shutdown, in OTP's words.
  @Test func supervisorsHaveNoTermination() {
    #expect(
      RestartType.permanent.decision(after: .normal, termination: nil) == .restart(.immediate))
    #expect(RestartType.transient.decision(after: .normal, termination: nil) == .leave)
    #expect(RestartType.temporary.decision(after: .normal, termination: nil) == .drop)
  }

  @Test func whatWasAskedForIsNoReasonToRestart() {
    let killed = Termination.signalled(9, coreDumped: false)
    #expect(RestartType.transient.decision(after: .requested, termination: killed) == .leave)
    #expect(RestartType.temporary.decision(after: .requested, termination: killed) == .drop)
    #expect(
      RestartType.transient.decision(after: .requested, termination: .exited(code: 78)) == .leave)
  }

  @Test func exitCodesAreASet() {
    for code in Int32(0)...255 {
      let one = ExitCodes([code])
      #expect(one.codes == [code])
      #expect(!one.contains(code + 1))
      #expect(!one.contains(code - 1))
    }
    #expect(ExitCodes(0...255).codes == Array(0...255))
    #expect(ExitCodes([3, 1, 3]) == [1, 3])
    #expect(!ExitCodes(0...255).contains(256))
    #expect(!ExitCodes(0...255).contains(-1))
  }
}
