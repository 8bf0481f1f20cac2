import SupervisionTree

// Names of agents and supervisors, and the lists that refer to them.

/// The longest name, in bytes.
package let maximumNameBytes = 64

/// Why a name cannot be one; nil: it can.
func complaint(aboutName name: String) -> (message: String, hint: String)? {
  let rule = "a letter (a-z, A-Z) or digit, then letters, digits, `_`, `-` and `.`"
  guard !name.isEmpty else { return ("a name is missing", rule) }
  guard name != "root" else {
    return ("`root` is the name of superv's own supervisor", "choose another name")
  }
  guard name.utf8.count <= maximumNameBytes else {
    return ("the name is longer than \(maximumNameBytes) bytes", "choose a shorter one")
  }
  let isNameByte: (UInt8) -> Bool = {
    $0 < 0x80 && $0.isWordByte || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
  }
  guard let first = name.utf8.first, first.isLetter || first.isDigit,
    name.utf8.allSatisfy(isNameByte)
  else { return ("\(quoted(name)) is no name for an agent or supervisor", rule) }
  return nil
}

/// A name in a list, with its place.
struct Reference: Hashable {
  var name: String
  var place: Place
}

/// A need in a list, with its place.
struct PlacedNeed: Hashable {
  var need: Need
  var place: Place
}

extension ValueType where Result == [Reference] {
  static let names = ValueType(name: "list of names", allowsEmpty: true) { value, reading in
    var references: [Reference] = []
    for part in value.listParts {
      if part.isEmpty || part.units.contains(where: \.isSpace) {
        reading.error(
          part.place,
          part.isEmpty ? "a name is missing" : "\(quoted(part.text)) is more than one name",
          hint: "separate names by commas")
      } else {
        references.append(Reference(name: part.text, place: part.place))
      }
    }
    return references
  }
}

extension ValueType where Result == [PlacedNeed] {
  static let needs = ValueType(
    name: "list of NAME:CONDITION", limits: "`ready` (default), `started`, `done`",
    allowsEmpty: true
  ) { value, reading in
    var names: Set<String> = []
    return ValueType<[Reference]>.names.parse(value, &reading)?.compactMap { reference in
      guard let need = need(reference, &reading) else { return nil }
      guard names.insert(need.need.name).inserted else {
        reading.error(
          reference.place, "\(quoted(need.need.name)) is needed twice", hint: "keep one")
        return nil
      }
      return need
    }
  }

  private static func need(_ reference: Reference, _ reading: inout Reading) -> PlacedNeed? {
    let name = reference.name
    guard let colon = name.lastIndex(of: ":"),
      !name[colon...].dropFirst().utf8.allSatisfy(\.isDigit)
    else { return PlacedNeed(need: Need(name), place: reference.place) }
    let word = String(name[colon...].dropFirst())
    guard let condition = Need.Condition(rawValue: word) else {
      let words = Need.Condition.allCases.map(\.rawValue)
      reading.error(
        reference.place, "\(quoted(word)) is none of \(words.joined(separator: ", "))",
        hint: reading.hint(for: word, among: words))
      return nil
    }
    return PlacedNeed(need: Need(String(name[..<colon]), condition), place: reference.place)
  }
}

extension ValueType where Result == [String] {
  static let variableNames = ValueType(
    name: "list of names of variables", limits: "or `*`: all", allowsEmpty: true
  ) { value, reading in
    if value.text == "*" { return ["*"] }
    var names: [String] = []
    var isGood = true
    for part in value.listParts {
      let name = part.text
      if name.isEnvironmentName, !name.isReservedVariable {
        if !names.contains(name) { names.append(name) }
      } else {
        isGood = false
        let isReserved = name.isReservedVariable
        reading.error(
          part.place,
          "\(quoted(name)) is \(isReserved ? "set by superv itself" : "no name for a variable")",
          hint: isReserved ? "leave it out" : "letters, digits and `_`; commas between names")
      }
      if names.count > maximumPassedVariables {
        reading.error(
          part.place, "more than \(maximumPassedVariables) variables",
          hint: "put them into a file and name it in `env_file`")
        return nil
      }
    }
    return isGood ? names : nil
  }
}

/// The most names in `pass_environment`.
package let maximumPassedVariables = 1000
