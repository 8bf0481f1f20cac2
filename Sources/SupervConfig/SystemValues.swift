// Values that name things of the system: paths, users, resource limits.

/// The longest path, in bytes (PATH_MAX without the NUL).
let maximumPathBytes = 4095

/// The longest path of a Unix domain socket, in bytes (unix(7): `sun_path` without the NUL).
let maximumSocketPathBytes = 107

extension ValueType where Result == String {
  /// An absolute path; a relative one starts from the folder of the file it stands in.
  static let path = ValueType(name: "path") { value, reading in
    let text = value.text
    guard !text.isEmpty else {
      reading.error(value.place, "the path is empty", hint: "name a path, or leave the key out")
      return nil
    }
    if text == "~" || text.hasPrefix("~/") {
      reading.error(
        value.place, "`~` stands for no folder here",
        hint: "write `%(ENV_HOME)s` or the whole path")
      return nil
    }
    let path = absolutePath(text, from: reading.folder(of: value.place))
    guard path.utf8.count <= maximumPathBytes else {
      reading.error(
        value.place, "the path is longer than \(maximumPathBytes) bytes", hint: "use a shorter one")
      return nil
    }
    return path
  }

  static let user = ValueType(name: "user name or number") { value, reading in
    let text = value.text
    guard !text.utf8.allSatisfy(\.isDigit) else {
      // The last number means "unchanged" to setresuid(2).
      if let number = UInt32(text), number < .max { return text }
      reading.error(value.place, "\(quoted(text)) is out of range: 0 to \(UInt32.max - 1)")
      return nil
    }
    if reading.source.userExists(text) { return text }
    reading.error(
      value.place, "there is no user \(quoted(text))",
      hint: "`getent passwd` lists users; a number needs no entry there")
    return nil
  }
}

extension ValueType where Result == StandardInput {
  static let standardInput = ValueType(name: "path, or `pipe`") { value, reading in
    if value.text == "pipe" { return .pipe }
    return ValueType<String>.path.parse(value, &reading).map { .path($0) }
  }
}

extension ValueType where Result == ResourceLimit {
  static func limit(_ resource: ResourceLimit.Resource) -> ValueType {
    ValueType(name: resource.unit, limits: "`SOFT`, `SOFT:HARD`, `unlimited`") { value, reading in
      let parts = value.split { $0.isMark(UInt8(ascii: ":")) }
      let amounts = parts.map { resource.amount($0.text) }
      guard parts.count <= 2, let soft = amounts[0], let hard = amounts[amounts.count - 1] else {
        reading.error(
          value.place, "\(quoted(value.text)) is no value for rlimit_\(resource.rawValue)",
          hint: "SOFT or SOFT:HARD, each `unlimited` or \(resource.example)")
        return nil
      }
      guard soft.sortKey <= hard.sortKey else {
        reading.error(
          value.place, "the soft limit is above the hard one", hint: "the soft limit comes first")
        return nil
      }
      return ResourceLimit(resource, soft: soft.amount, hard: hard.amount)
    }
  }
}

/// One of the two numbers of a limit.
private struct Amount {
  /// nil: unlimited.
  var amount: UInt64?

  var sortKey: UInt64 { amount ?? .max }
}

extension ResourceLimit.Resource {
  fileprivate var unit: String {
    switch self {
    case .nofile, .nproc: "number"
    case .cpu: "duration"
    case .as, .data, .fsize, .stack, .core, .memlock: "size"
    }
  }

  fileprivate var example: String {
    switch self {
    case .nofile, .nproc: "a number such as `4096`"
    case .cpu: "whole seconds such as `60s`"
    case .as, .data, .fsize, .stack, .core, .memlock: "a size such as `512MB`"
    }
  }

  fileprivate func amount(_ text: String) -> Amount? {
    if text == "unlimited" { return Amount(amount: nil) }
    switch self {
    case .nofile, .nproc:
      guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit) else { return nil }
      return Int64(text).map { Amount(amount: UInt64($0)) }
    case .cpu:
      guard let (duration, isNegative) = parseDuration(text), !isNegative,
        duration.components.attoseconds == 0
      else { return nil }
      return Amount(amount: UInt64(duration.components.seconds))
    case .as, .data, .fsize, .stack, .core, .memlock:
      return parseSize(text).map { Amount(amount: UInt64($0)) }
    }
  }
}
