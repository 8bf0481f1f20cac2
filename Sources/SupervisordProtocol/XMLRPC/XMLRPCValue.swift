/// A value of XML-RPC (xmlrpc.com/spec.md), and nil, the extension everybody knows.
package enum XMLRPCValue: Hashable, Sendable {
  /// Wider than the 32 bits of the specification; what supervisord answers always fits into them.
  case int(Int)
  case boolean(Bool)
  case string(String)
  case double(Double)
  /// As it was written: `19980717T14:14:55`. XML-RPC leaves the time zone to the two parties.
  case dateTime(String)
  case base64([UInt8])
  case array([XMLRPCValue])
  /// The members in their order on the wire; of two with one name the later counts.
  case structure([XMLRPCMember])
  case `nil`

  /// The member of a structure with this name.
  package subscript(name: String) -> XMLRPCValue? {
    guard case .structure(let members) = self else { return nil }
    return members.last { $0.name == name }?.value
  }
}

package struct XMLRPCMember: Hashable, Sendable {
  package var name: String
  package var value: XMLRPCValue

  package init(_ name: String, _ value: XMLRPCValue) {
    self.name = name
    self.value = value
  }
}

package struct XMLRPCCall: Hashable, Sendable {
  package var method: String
  package var parameters: [XMLRPCValue]

  package init(_ method: String, _ parameters: [XMLRPCValue] = []) {
    self.method = method
    self.parameters = parameters
  }
}
