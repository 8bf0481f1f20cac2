// File name patterns, as in glob(7): `*`, `?`, `[a-z]`, `[!a-z]`, each within one part of a path.

/// Whether a part of a path is a pattern rather than a name.
func isPattern(_ component: some StringProtocol) -> Bool {
  component.contains { $0 == "*" || $0 == "?" || $0 == "[" }
}

/// Whether a pattern matches a whole name. A name with a leading dot needs a pattern with one.
func matches(_ name: String, pattern: String) -> Bool {
  if name.hasPrefix("."), !pattern.hasPrefix(".") { return false }
  let name = Array(name.unicodeScalars)
  let pattern = Array(pattern.unicodeScalars)
  var inName = 0
  var inPattern = 0
  // Where to go on when the last `*` has to take one character more.
  var retry: (name: Int, pattern: Int)?
  while inName < name.count {
    if inPattern < pattern.count, pattern[inPattern] == "*" {
      inPattern += 1
      retry = (inName, inPattern)
    } else if let length = lengthOfMatch(name[inName], pattern[inPattern...]) {
      inName += 1
      inPattern += length
    } else if let last = retry {
      retry = (last.name + 1, last.pattern)
      (inName, inPattern) = (last.name + 1, last.pattern)
    } else {
      return false
    }
  }
  return pattern[inPattern...].allSatisfy { $0 == "*" }
}

/// How much of the pattern matches one character; nil: it does not match.
private func lengthOfMatch(
  _ scalar: Unicode.Scalar, _ pattern: ArraySlice<Unicode.Scalar>
) -> Int? {
  guard let first = pattern.first else { return nil }
  if first == "?" { return 1 }
  guard first == "[" else { return first == scalar ? 1 : nil }
  var set = pattern.dropFirst()
  let isNegated = set.first == "!"
  if isNegated { set.removeFirst() }
  // A `]` right at the start is a member; a set without an end is an ordinary `[`.
  guard let end = set.dropFirst().firstIndex(of: "]") else { return scalar == "[" ? 1 : nil }
  var isMember = false
  var members = set[..<end]
  while let low = members.popFirst() {
    if members.first == "-", let high = members.dropFirst().first {
      members.removeFirst(2)
      if low.value <= scalar.value, scalar.value <= high.value { isMember = true }
    } else if low == scalar {
      isMember = true
    }
  }
  return isMember == isNegated ? nil : end + 1 - pattern.startIndex
}

extension ConfigurationSource {
  /// The files that an absolute pattern matches, in byte order; nil: more than `limit`. Folders
  /// that cannot be read match nothing, as in glob(7).
  func files(matching pattern: String, limit: Int) -> [String]? {
    var paths = [""]
    for component in pattern.split(separator: "/") {
      guard isPattern(component) else {
        for index in paths.indices { paths[index] += "/\(component)" }
        continue
      }
      var found: [String] = []
      for folder in paths {
        let names = (try? namesInFolder(folder.isEmpty ? "/" : folder)) ?? []
        for name in names
        where name != "." && name != ".." && matches(name, pattern: String(component)) {
          found.append("\(folder)/\(name)")
        }
        if found.count > limit { return nil }
      }
      paths = found
    }
    let files = paths.filter { kindOfFile($0).map { $0 != .folder } ?? false }
    return files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
