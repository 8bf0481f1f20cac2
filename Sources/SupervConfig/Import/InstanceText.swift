// Several texts as one, with `%(instance)d` where they differ.

/// A text that is the same for every instance of an agent, but for its number.
struct InstanceText: Hashable {
  enum Piece: Hashable {
    case text(String)
    /// The number of the instance, with zeros in front up to so many digits.
    case number(digits: Int)
  }

  private(set) var pieces: [Piece] = []

  init(_ text: String) {
    if !text.isEmpty { pieces = [.text(text)] }
  }

  /// What the instances 0, 1, 2, … say. nil: they differ otherwise than by their numbers.
  init?(_ texts: [String]) {
    var common = texts.count == 1 ? Array(texts[0].utf8) : []
    let all = texts.map { Array($0.utf8) }
    var ends = [Int](repeating: 0, count: all.count)
    while texts.count > 1 {
      let next = zip(all, ends).map { text, end in end < text.count ? text[end] : nil }
      if let byte = next[0], next.allSatisfy({ $0 == byte }) {
        common.append(byte)
        ends = ends.map { $0 + 1 }
      } else if next.allSatisfy({ $0 == nil }) {
        break
      } else if let digits = Self.width(ofNumbersIn: all, at: ends) {
        add(common, numberOf: digits, isShort: String(all.count - 1).utf8.count <= digits)
        common = []
        ends = ends.indices.map { ends[$0] + max(digits, String($0).utf8.count) }
      } else {
        return nil
      }
    }
    if !common.isEmpty { pieces.append(.text(String(decoding: common, as: UTF8.self))) }
  }

  /// How many digits the numbers of the instances have here at least; nil: others than these are.
  private static func width(ofNumbersIn all: [[UInt8]], at ends: [Int]) -> Int? {
    (1...9).first { digits in
      all.indices.allSatisfy { instance in
        all[instance][ends[instance]...].starts(with: number(instance, digits).utf8)
      }
    }
  }

  /// Zeros that all have in front are the number's: `_00` and `_01` are `_` and two digits.
  ///
  /// - Parameter isShort: no number has more digits.
  private mutating func add(_ common: [UInt8], numberOf digits: Int, isShort: Bool) {
    let zeros = common.reversed().prefix { $0 == UInt8(ascii: "0") }.count
    let rest = common.dropLast(zeros)
    let isWhole = isShort && digits + zeros <= 9 && rest.last?.isDigit != true
    let text = isWhole ? Array(rest) : common
    if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
    pieces.append(.number(digits: isWhole ? digits + zeros : digits))
  }

  private static func number(_ number: Int, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }

  /// Its text for all instances, as a value in a file says it.
  ///
  /// - Parameter escape: makes a value of text.
  func written(_ escape: (String) -> String) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let text): escape(text)
      case .number(digits: 1): "%(instance)d"
      case .number(let digits): "%(instance)0\(digits)d"
      }
    }.joined()
  }

  /// The text that is the same for all.
  var common: String {
    pieces.map { if case .text(let text) = $0 { text } else { "" } }.joined()
  }
}

extension [InstanceText] {
  /// What the instances say, place by place; nil: they differ otherwise than by their numbers.
  init?(_ lists: [[String]]) {
    let counts = Set(lists.map(\.count))
    guard let count = counts.first, counts.count == 1 else { return nil }
    self = []
    for index in 0..<count {
      guard let text = InstanceText(lists.map { $0[index] }) else { return nil }
      append(text)
    }
  }
}
