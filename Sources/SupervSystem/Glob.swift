/// A file name pattern, as glob(7) has it: `*`, `?`, `[a-z]`, `[!a]`, and `\` before a character
/// that is to be itself. Works on Unicode scalars, without a locale.
package struct GlobPattern: Sendable {
  private enum Item: Sendable {
    case one(Unicode.Scalar)
    case any
    case anyNumber
    case oneOf([ClosedRange<Unicode.Scalar>], negated: Bool)
  }

  private var items: [Item] = []
  /// The one name it stands for, when it has no `*`, `?` or `[…]`.
  package private(set) var literal: String? = ""

  package init(_ text: String) {
    var rest = Substring(text).unicodeScalars
    while let next = rest.popFirst() {
      switch next {
      case "*": items.append(.anyNumber)
      case "?": items.append(.any)
      case "[":
        items.append(Self.takeSet(&rest) ?? .one(next))
      case "\\": items.append(.one(rest.popFirst() ?? next))
      default: items.append(.one(next))
      }
    }
    for item in items {
      if case .one(let scalar) = item {
        literal?.unicodeScalars.append(scalar)
      } else {
        literal = nil
      }
    }
  }

  /// Takes what follows a `[`, up to its `]`; nil when none follows: then it is a plain `[`.
  private static func takeSet(_ rest: inout Substring.UnicodeScalarView) -> Item? {
    var scan = rest
    let negated = scan.first == "!" || scan.first == "^"
    if negated { scan.removeFirst() }
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    var isFirst = true
    while let low = scan.popFirst() {
      // A `]` that comes first is a member.
      if low == "]", !isFirst {
        rest = scan
        return .oneOf(ranges, negated: negated)
      }
      isFirst = false
      var high = low
      let ahead = scan.dropFirst()
      if scan.first == "-", let end = ahead.first, end != "]" {
        high = end
        scan = ahead.dropFirst()
      }
      if low <= high { ranges.append(low...high) }
    }
    return nil
  }

  /// Whether it stands for this name. A leading `.` must be written out.
  package func matches(_ name: String) -> Bool {
    let name = Array(name.unicodeScalars)
    if name.first == "." {
      guard case .one(".")? = items.first else { return false }
    }
    // On a mismatch only the last star can take one more: linear but for that, never exponential.
    var item = 0
    var position = 0
    var retry: (item: Int, position: Int)?
    while position < name.count || item < items.count {
      if item < items.count {
        if case .anyNumber = items[item] {
          retry = (item, position + 1)
          item += 1
          continue
        }
        if position < name.count, Self.matches(items[item], name[position]) {
          item += 1
          position += 1
          continue
        }
      }
      guard let last = retry, last.position <= name.count else { return false }
      (item, position) = last
    }
    return true
  }

  private static func matches(_ item: Item, _ scalar: Unicode.Scalar) -> Bool {
    switch item {
    case .one(let wanted): wanted == scalar
    case .any, .anyNumber: true
    case .oneOf(let ranges, let negated): ranges.contains { $0.contains(scalar) } != negated
    }
  }
}

extension Files {
  /// The paths that `pattern` stands for, sorted by bytes; none when nothing matches. A part
  /// without wildcards is taken as it is, and folders that cannot be read count as empty.
  package static func matching(_ pattern: String) -> [String] {
    let isAbsolute = pattern.hasPrefix("/")
    var found = [isAbsolute ? "/" : ""]
    for part in pattern.split(separator: "/") {
      let glob = GlobPattern(String(part))
      found = found.flatMap { folder -> [String] in
        let prefix = folder.isEmpty || folder.hasSuffix("/") ? folder : folder + "/"
        if let name = glob.literal {
          let path = prefix + name
          return (try? status(of: path, followingLinks: false)) ?? nil == nil ? [] : [path]
        }
        let names = (try? names(in: folder.isEmpty ? "." : folder)) ?? []
        return names.filter(glob.matches).map { prefix + $0 }
      }
    }
    return found.filter { !$0.isEmpty }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
