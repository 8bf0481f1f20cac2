/// The state of reading a configuration: what has been read, and what was wrong with it.
struct Reading {
  struct File {
    var path: String
    /// The path in diagnostics.
    var shownPath: String
    var bytes: [UInt8]
  }

  struct Complaint: Hashable {
    var place: Place
    var severity: Diagnostic.Severity
    var message: String
    var hint: String?
  }

  let source: any ConfigurationSource
  /// Files below this folder are shown by their path from there; nil: all absolute.
  private let shownFrom: String?
  var files: [File] = []
  private(set) var complaints: [Complaint] = []
  /// What `%(…)s` means in the section that is being read.
  var expansions: [Expansion] = []
  /// Names in headers that were complained about: nobody complains about their use as well.
  var unreadableNames: Set<String> = []
  /// A header could not be read at all, so that any unknown name may be its.
  var hasUnreadableHeader = false
  private var hintsLeft = 100

  init(source: any ConfigurationSource, shownFrom: String?) {
    self.source = source
    self.shownFrom = shownFrom
  }

  /// A path in the words of a message.
  func shown(_ path: String) -> String {
    guard let shownFrom, path.hasPrefix(shownFrom + "/") else { return path }
    return String(path.dropFirst(shownFrom.count + 1))
  }

  var hasErrors: Bool { complaints.contains { $0.severity == .error } }

  mutating func error(_ place: Place, _ message: String, hint: String? = nil) {
    complaints.append(
      Complaint(place: place, severity: .error, message: message, hint: hint))
  }

  mutating func warning(_ place: Place, _ message: String, hint: String? = nil) {
    complaints.append(
      Complaint(place: place, severity: .warning, message: message, hint: hint))
  }

  /// `did you mean …?`; nil: nothing is near, or enough has been asked (comparing every unknown
  /// name with every known one would take hours for a file that is garbage).
  mutating func hint(for name: String, among names: some Sequence<String>) -> String? {
    hintsLeft -= 1
    guard hintsLeft >= 0 else { return nil }
    return nearestName(to: name, among: names).map { "did you mean `\($0)`?" }
  }

  /// The folder of the file that a place is in.
  func folder(of place: Place) -> String { parentFolder(of: files[place.file].path) }

  /// A place in the words of a message.
  func text(_ place: Place) -> String { "\(files[place.file].shownPath):\(place.line)" }

  /// Everything that was wrong, in file order, each thing once, at most `maximumDiagnostics`.
  var diagnostics: [Diagnostic] {
    var seen: Set<Complaint> = []
    let sorted = complaints.filter { seen.insert($0).inserted }.enumerated().sorted {
      ($0.element.place, $0.offset) < ($1.element.place, $1.offset)
    }
    var lines: [Int: [Line]] = [:]
    var diagnostics = sorted.prefix(maximumDiagnostics).map { diagnostic($0.element, &lines) }
    let left = sorted.count - diagnostics.count
    if left > 0, let last = diagnostics.last {
      let isError = sorted.contains { $0.element.severity == .error }
      diagnostics.append(
        Diagnostic(
          isError ? .error : .warning, file: last.file, line: last.line, column: last.column,
          "\(left) more are not shown"))
    }
    return diagnostics
  }

  private func diagnostic(_ complaint: Complaint, _ lines: inout [Int: [Line]]) -> Diagnostic {
    let place = complaint.place
    let file = files[place.file]
    let fileLines = lines[place.file] ?? Array(Lines(file.bytes))
    lines[place.file] = fileLines
    return Diagnostic(
      complaint.severity, file: file.shownPath, line: place.line, column: place.column,
      complaint.message, hint: complaint.hint,
      sourceLine: place.line <= fileLines.count ? fileLines[place.line - 1].shownText : nil)
  }
}

extension Line {
  /// Enough of it to show, without the mark that a file may begin with.
  fileprivate var shownText: String {
    let isMarked = number == 1 && bytes.starts(with: [0xEF, 0xBB, 0xBF])
    return String(decoding: bytes.dropFirst(isMarked ? 3 : 0).prefix(4096), as: UTF8.self)
  }
}

/// More than this is not reported at once; the last diagnostic says how many are left out.
package let maximumDiagnostics = 500

/// The folder that an absolute path is in.
func parentFolder(of path: String) -> String {
  let bytes = path.utf8
  guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash != bytes.startIndex else {
    return "/"
  }
  return String(path[..<slash])
}

/// An absolute path: relative ones start from `folder`; empty and `.` components are dropped.
func absolutePath(_ path: String, from folder: String) -> String {
  let whole = path.utf8.first == UInt8(ascii: "/") ? path : "\(folder)/\(path)"
  let components = whole.split(separator: "/").filter { $0 != "." }
  return "/" + components.joined(separator: "/")
}
