/// A member that is null in JSON when there is no value, where an optional would be left out.
@propertyWrapper
package struct OrNull<Value: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
  package var wrappedValue: Value?

  package init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

/// A member that another version may leave out, which is as good as nothing of it.
@propertyWrapper
package struct OrEmpty<Value: Emptiable & Codable & Hashable & Sendable>: Codable, Hashable,
  Sendable
{
  package var wrappedValue: Value

  package init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

  package init() { wrappedValue = Value() }

  package init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(Value.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

/// A value with one that stands for nothing.
package protocol Emptiable {
  init()
}

extension Bool: Emptiable {}
extension Array: Emptiable {}

extension KeyedDecodingContainer {
  package func decode<Value>(
    _ type: OrEmpty<Value>.Type, forKey key: Key
  ) throws -> OrEmpty<Value> {
    try decodeIfPresent(type, forKey: key) ?? OrEmpty()
  }

  /// What another version leaves out is as good as null.
  package func decode<Value>(_ type: OrNull<Value>.Type, forKey key: Key) throws -> OrNull<Value> {
    try decodeIfPresent(type, forKey: key) ?? OrNull(wrappedValue: nil)
  }
}
