import SupervisordProtocol
import Testing

@Suite struct ListenerDialogueTests {
  /// The state that these speeches lead to, an event being sent each time it is ready for one
  /// between two of them.
  private func outcomes(_ speeches: String...) -> (ListenerState, [ListenerOutcome]) {
    var dialogue = ListenerDialogue()
    var outcomes: [ListenerOutcome] = []
    for speech in speeches {
      dialogue.eventWasSent()
      outcomes += dialogue.hear(speech.utf8)
    }
    return (dialogue.state, outcomes)
  }

  @Test func goesRoundAndRound() {
    let (state, all) = outcomes("READY\n", "RESULT 2\nOKREADY\n", "RESULT 4\nFAIL", "READY\n")
    #expect(state == .ready)
    #expect(
      all == [
        .becameReady, .answered(.ok), .becameReady, .answered(.fail), .becameReady,
      ])
  }

  @Test(arguments: ["ready\n", "READY \n", "hello!", "RESULT 2\nOK", "\nREADY\n"])
  func saysNothingButReadyAtFirst(_ speech: String) {
    let (state, all) = outcomes(speech)
    #expect(state == .unknown)
    #expect(all == [.broke(.notReady)])
  }

  @Test func fiveBytesDecideNothing() {
    #expect(outcomes("READY").0 == .acknowledged)
    #expect(outcomes("hello").0 == .acknowledged)
  }

  @Test func speaksOnlyWhenAsked() {
    #expect(outcomes("READY\nREADY\n").1 == [.becameReady, .broke(.unasked)])
    var dialogue = ListenerDialogue()
    _ = dialogue.hear("READY\n".utf8)
    #expect(dialogue.hear("\n".utf8) == [.broke(.unasked)])
    // Nothing brings it back.
    #expect(dialogue.hear("READY\n".utf8) == [])
    dialogue.eventWasSent()
    #expect(dialogue.state == .unknown)
  }

  @Test(arguments: [
    "", "RESULT", "RESULT ", "RESULT x", "RESULT -1", "RESULT 2x", "RESULT 1__0", "RESULT _1",
    "RESULT 1_", "RESULT + 2", "RESULT 99999999999999999999", "OK",
  ])
  func refusesLinesWithoutALength(_ line: String) {
    let (state, all) = outcomes("READY\n", line + "\nOK")
    #expect(state == .unknown)
    #expect(all == [.becameReady, .broke(.badResultLine(Array(line.utf8)))])
  }

  @Test(arguments: ["RESULT 2", "RESULT  2 ", "RESULT +2", "RESULT 0_2", "RESULT:2", "result\t2\r"])
  func readsLengthsAsPythonDoes(_ line: String) {
    #expect(outcomes("READY\n", line + "\nOK").1 == [.becameReady, .answered(.ok)])
  }

  @Test func takesAnyResult() {
    #expect(outcomes("READY\n", "RESULT 0\n").1.last == .answered(.other([])))
    #expect(outcomes("READY\n", "RESULT -0\n").1.last == .answered(.other([])))
    #expect(outcomes("READY\n", "RESULT 3\nOK\n").1.last == .answered(.other(Array("OK\n".utf8))))
  }

  @Test func keepsLittleOfWhatIsLong() {
    let limit = ListenerDialogue.maximumKeptBytes
    var dialogue = ListenerDialogue()
    _ = dialogue.hear("READY\n".utf8)
    dialogue.eventWasSent()
    _ = dialogue.hear("RESULT 1000000\n".utf8)
    let pieces = (0..<1000).flatMap { _ in
      dialogue.hear([UInt8](repeating: 0x78, count: 1000))
    }
    #expect(pieces == [.answered(.other([UInt8](repeating: 0x78, count: limit)))])

    _ = dialogue.hear("READY\n".utf8)
    dialogue.eventWasSent()
    #expect(dialogue.hear([UInt8](repeating: 0x31, count: limit)) == [])
    #expect(
      dialogue.hear("1".utf8)
        == [.broke(.badResultLine([UInt8](repeating: 0x31, count: limit)))])
  }

  @Test func saysTheSameHoweverItIsCut() {
    let words = [
      "READY\n", "READY\n", "RESULT 2\nOK", "RESULT 4\nFAIL", "RESULT 5\nREADY", "RESULT ", "\n",
    ]
    for seed in 0..<2_000 {
      var numbers = SeededNumbers(UInt64(seed))
      let speech = numbers.speech(of: words, count: 6)
      // An event is sent after each thing that makes it ready, were it said alone.
      func run(_ chunks: [ArraySlice<UInt8>]) -> (ListenerState, [ListenerOutcome]) {
        var dialogue = ListenerDialogue()
        dialogue.eventWasSent()
        var all = dialogue.hear("READY\n".utf8)
        dialogue.eventWasSent()
        for chunk in chunks { all += dialogue.hear(chunk) }
        return (dialogue.state, all)
      }
      let whole = run([speech[...]])
      let parts = run(numbers.cut(speech, largest: 9))
      #expect(whole == parts, "seed \(seed)")
    }
  }
}
