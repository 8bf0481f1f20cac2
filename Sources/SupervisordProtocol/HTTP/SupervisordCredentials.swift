import FoundationEssentials

/// The `username` and `password` of an HTTP server section.
package struct SupervisordCredentials: Hashable, Sendable {
  private var userName: String
  private var password: String

  /// - Parameter password: in plain text, or `{SHA}` and the 40 lower-case hexadecimal digits of
  ///   its SHA-1.
  package init(userName: String, password: String) {
    self.userName = userName
    self.password = password
  }

  /// Whether an `Authorization` header (RFC 7617) names this user and its password.
  ///
  /// How long it takes says nothing about how much of them is right.
  package func admit(_ authorization: String?) -> Bool {
    guard let (user, password) = Self.pair(in: authorization) else { return false }
    let userIsRight = Self.areEqual(user, Array(userName.utf8))
    let passwordIsRight = Self.areEqual(given(password), Array(expectedPassword.utf8))
    return userIsRight && passwordIsRight
  }

  private static let hashMark = "{SHA}"

  private var expectedPassword: Substring {
    password.hasPrefix(Self.hashMark) ? password.dropFirst(Self.hashMark.count) : password[...]
  }

  private func given(_ text: [UInt8]) -> [UInt8] {
    password.hasPrefix(Self.hashMark) ? Array(SHA1.hexadecimalDigest(of: text).utf8) : text
  }

  private static func pair(in authorization: String?) -> (user: [UInt8], password: [UInt8])? {
    let words = authorization?.split(separator: " ", maxSplits: 1) ?? []
    guard words.count == 2, words[0].lowercased() == "basic",
      let data = Data(base64Encoded: String(words[1]), options: .ignoreUnknownCharacters)
    else { return nil }
    let bytes = Array(data)
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    return (Array(bytes[..<colon]), Array(bytes[(colon + 1)...]))
  }

  /// Compares digests, which have one length, and looks at every byte of them.
  private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    let differences = zip(SHA1.digest(of: left), SHA1.digest(of: right)).map { $0 ^ $1 }
    return differences.reduce(0, |) == 0
  }
}
