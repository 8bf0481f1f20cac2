/// Any JSON value, for what is passed on without being understood.
enum JSONTree: Codable, Hashable, Sendable {
  case null
  case flag(Bool)
  case integer(Int64)
  case number(Double)
  case text(String)
  case list([JSONTree])
  case object([String: JSONTree])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let flag = try? container.decode(Bool.self) {
      self = .flag(flag)
    } else if let integer = try? container.decode(Int64.self) {
      self = .integer(integer)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([JSONTree].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: JSONTree].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .flag(let flag): try container.encode(flag)
    case .integer(let integer): try container.encode(integer)
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    case .list(let list): try container.encode(list)
    case .object(let members): try container.encode(members)
    }
  }
}

/// A member of an object that is being made; JSON has them in the order of their names.
struct JSONMember {
  var name: String
  var value: JSONTree

  init(_ name: String, _ value: JSONTree) {
    self.name = name
    self.value = value
  }
}

extension JSONTree: ExpressibleByStringLiteral {
  init(stringLiteral text: String) { self = .text(text) }

  init(_ text: String?) { self = text.map { .text($0) } ?? .null }
  init(_ number: (some BinaryInteger)?) { self = number.map { .integer(Int64($0)) } ?? .null }
  init(_ texts: [String]?) { self = texts.map { .list($0.map { .text($0) }) } ?? .null }

  /// In seconds.
  init(_ duration: Duration?) {
    guard let (seconds, attoseconds) = duration?.components else {
      self = .null
      return
    }
    self =
      attoseconds == 0 ? .integer(seconds) : .number(Double(seconds) + Double(attoseconds) * 1e-18)
  }

  /// Of members of one name the last one counts.
  static func object(_ members: [JSONMember]) -> JSONTree {
    .object(Dictionary(members.map { ($0.name, $0.value) }) { $1 })
  }
}
