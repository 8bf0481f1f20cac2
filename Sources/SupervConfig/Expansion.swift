// `%(here)s`, `%(bin)s`, `%(ENV_X)s`, `%(name)s`, `%(agent)s`, `%(instance)d`, `%(U+000A)s`, `%%`.
//
// Expansion comes before anything else reads a value. What superv itself puts in (folders, names)
// is never syntax: `%(here)s` is one word even where the folder has a space in its name. What the
// environment puts in is syntax, as in supervisord: `%(ENV_ARGS)s` may be several words.

/// One name that can stand between `%(` and `)s`.
struct Expansion: Sendable {
  var name: String
  var text: String
  /// May be written `%(name)d`, or `%(name)03d` for three digits at least.
  var isNumber = false
}

extension Reading {
  /// The value with everything expanded; nil, and a complaint for each, when something cannot be.
  mutating func expand(_ value: Value) -> Value? {
    guard value.units.contains(where: { $0.byte == percent }) else { return value }
    var expanded: [Value.Unit] = []
    var isGood = true
    var index = value.units.startIndex
    while index < value.units.endIndex {
      let unit = value.units[index]
      guard unit.byte == percent else {
        expanded.append(unit)
        index += 1
        continue
      }
      guard let directive = Directive(value.units[index...]) else {
        error(
          unit.place, "a `%` starts an expansion such as `%(here)s`",
          hint: "write `%%` for a percent sign")
        isGood = false
        index += 1
        continue
      }
      index += directive.length
      if let (text, isLiteral) = meaning(of: directive, at: unit.place) {
        expanded += text.utf8.map {
          Value.Unit(byte: $0, isLiteral: isLiteral, place: unit.place)
        }
      } else {
        isGood = false
      }
    }
    return isGood ? Value(units: expanded[...], end: value.end) : nil
  }

  private mutating func meaning(
    of directive: Directive, at place: Place
  ) -> (text: String, isLiteral: Bool)? {
    guard let name = directive.name else { return ("%", true) }
    if name.hasPrefix("ENV_") {
      let variable = String(name.dropFirst(4))
      guard directive.conversion == .text else { return wrongConversion(name, at: place) }
      if let text = source.environmentVariable(variable) { return (text, false) }
      error(
        place, "superv's environment has no variable \(quoted(variable))",
        hint: "set \(variable) where superv is started")
      return nil
    }
    guard let expansion = knownExpansion(name, at: place) else {
      let names = expansions.map(\.name) + ["here", "bin"]
      let hint = nearestName(to: name, among: names).map { "did you mean `%(\($0))s`?" }
      error(
        place, "nothing is called \(quoted(name)) here",
        hint: hint ?? "known here: \(names.joined(separator: ", ")), ENV_NAME")
      return nil
    }
    switch directive.conversion {
    case .text: return (expansion.text, true)
    case .number(let digits):
      guard expansion.isNumber else { return wrongConversion(name, at: place) }
      let zeros = max(0, digits - expansion.text.utf8.count)
      return (String(repeating: "0", count: zeros) + expansion.text, true)
    }
  }

  private func knownExpansion(_ name: String, at place: Place) -> Expansion? {
    switch name {
    case "here": Expansion(name: name, text: folder(of: place))
    case "bin": Expansion(name: name, text: source.binaryFolder)
    default: expansions.first { $0.name == name } ?? character(name)
    }
  }

  /// `U+` and its number in hexadecimal: how a value has a line feed that begins no line.
  private func character(_ name: String) -> Expansion? {
    let digits = name.dropFirst(2)
    guard name.hasPrefix("U+"), (1...6).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ $0.isDigit || $0.isLetter }),
      let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init), scalar.value > 0
    else { return nil }
    return Expansion(name: name, text: String(Character(scalar)))
  }

  private mutating func wrongConversion<Result>(_ name: String, at place: Place) -> Result? {
    error(place, "\(quoted(name)) is text, and `d` is for numbers", hint: "write `%(\(name))s`")
    return nil
  }
}

private let percent = UInt8(ascii: "%")

/// `%%`, `%(name)s`, `%(name)d` or `%(name)03d`.
private struct Directive {
  enum Conversion: Equatable {
    case text
    case number(digits: Int)
  }

  /// nil for `%%`.
  var name: String?
  var conversion = Conversion.text
  /// In units.
  var length: Int

  private static let maximumNameLength = 300

  init?(_ units: ArraySlice<Value.Unit>) {
    let start = units.startIndex
    let rest = units.dropFirst()
    if rest.first?.byte == percent {
      length = 2
      return
    }
    guard rest.first?.byte == UInt8(ascii: "("),
      let close = rest.prefix(Self.maximumNameLength).firstIndex(where: {
        $0.byte == UInt8(ascii: ")")
      })
    else { return nil }
    name = String(decoding: rest[..<close].dropFirst().map(\.byte), as: UTF8.self)
    let digits = units[(close + 1)...].prefix { $0.byte.isDigit }
    guard digits.count <= 2, digits.isEmpty || digits.first?.byte == UInt8(ascii: "0"),
      digits.endIndex < units.endIndex
    else { return nil }
    switch units[digits.endIndex].byte {
    case UInt8(ascii: "s") where digits.isEmpty: conversion = .text
    case UInt8(ascii: "d"):
      let width = digits.last.map { Int($0.byte - UInt8(ascii: "0")) } ?? 0
      conversion = .number(digits: width)
    default: return nil
    }
    length = digits.endIndex + 1 - start
  }
}
