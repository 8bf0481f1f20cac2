import SupervisordProtocol

/// Random numbers that are the same for the same seed (splitmix64).
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }

  /// Words in random order, now and then with something else between them.
  mutating func speech(of words: [String], count: Int) -> [UInt8] {
    var speech: [UInt8] = []
    for _ in 0..<count {
      if Int.random(in: 0..<6, using: &self) == 0 {
        let length = Int.random(in: 0..<40, using: &self)
        speech += bytes(length)
      } else {
        speech += (words.randomElement(using: &self) ?? "").utf8
      }
    }
    return speech
  }

  /// The same bytes, cut anywhere.
  mutating func cut(_ bytes: [UInt8], largest: Int) -> [ArraySlice<UInt8>] {
    var chunks: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Int.random(in: 1...largest, using: &self)
      chunks.append(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    return chunks
  }
}

extension ListenerDialogue {
  mutating func hear(_ text: some Collection<UInt8>) -> [ListenerOutcome] {
    let bytes = Array(text)
    return hear(bytes.span)
  }
}

extension EventListeners {
  mutating func hear(_ text: String, from listener: ListenerID) -> [ListenerEffect] {
    let bytes = Array(text.utf8)
    return hear(bytes.span, from: listener)
  }
}

extension OutputScanner {
  mutating func scan(_ text: some Collection<UInt8>) -> [OutputPiece] {
    let bytes = Array(text)
    return scan(bytes.span)
  }
}
