/// Gives out names that agents may have, each one once.
struct ImportedNames {
  /// Of agents and of what their log files are called: `NAME.log`, or `NAME.0.log` for an instance.
  private var taken: Set<String> = ["root"]

  /// A name for an agent, as near to the wanted one as may be.
  ///
  /// - Parameter instances: how many it has.
  mutating func name(for wanted: String, instances: Int) -> String {
    let base = legal(wanted)
    var name = base
    var number = 2
    while !taken.isDisjoint(with: Self.names(of: name, instances)) {
      let ending = "-\(number)"
      name = base.prefix(maximumNameBytes - ending.count) + ending
      number += 1
    }
    taken.formUnion(Self.names(of: name, instances))
    return name
  }

  private static func names(of name: String, _ instances: Int) -> [String] {
    [name] + (instances == 1 ? [] : (0..<instances).map { "\(name).\($0)" })
  }

  private func legal(_ wanted: String) -> String {
    let scalars = wanted.unicodeScalars.map { scalar in
      let isLegal = complaint(aboutName: "a\(scalar)") == nil
      return isLegal ? Character(scalar) : "_"
    }
    let name = String(scalars.prefix(maximumNameBytes))
    guard let first = name.utf8.first else { return "agent" }
    return first.isLetter || first.isDigit ? name : String("a\(name)".prefix(maximumNameBytes))
  }
}
