// From the files of a supervisord configuration to values, each one expanded and converted.

/// What was wrong with one value: the configuration as a whole is rejected, as by supervisord.
struct Rejection: Error {
  var place: Place
  var message: String
  var hint: String?

  init(_ place: Place, _ message: String, hint: String? = nil) {
    self.place = place
    self.message = message
    self.hint = hint
  }
}

/// The state of reading a supervisord configuration.
struct SupervisordReader {
  var reading: Reading
  var sections = SupervisordSections()
  /// Those of the main file alone, with no folder put in: what supervisorctl reads.
  private(set) var mainSections = SupervisordSections()
  /// The folder of the main file.
  let here: String
  /// `ENV_…` of superv's environment.
  let outerEnvironment: Expansions
  /// The same with `[supervisord] environment`.
  var environment: Expansions

  init(_ path: String, from source: any ConfigurationSource, shownFrom: String?) {
    reading = Reading(source: source, shownFrom: shownFrom)
    here = parentFolder(of: path)
    outerEnvironment = Expansions(
      source.environment.map { ("ENV_\($0.name)", .text($0.value)) })
    environment = outerEnvironment
    load(path)
  }

  var hostName: ExpansionValue { .text(reading.source.hostName) }

  mutating func reject(_ rejection: Rejection) {
    reading.error(rejection.place, rejection.message, hint: rejection.hint)
  }
}

// MARK: - Files

extension SupervisordReader {
  private mutating func load(_ path: String) {
    let start = Place(file: 0, line: 1, column: 1)
    guard add(path, isNeeded: true) else { return }
    mainSections = sections
    if let include = sections["include"] {
      sections.expandHere(here)
      do {
        try self.include(sections["include"] ?? include)
      } catch {
        reject(error)
      }
    }
    guard sections["supervisord"] == nil, !reading.hasErrors else { return }
    reading.error(
      start, "there is no [supervisord]", hint: "add the header, with nothing below it")
  }

  /// False when it could not be read.
  private mutating func add(_ path: String, isNeeded: Bool) -> Bool {
    let file = reading.files.count
    let bytes: [UInt8]
    let start = Place(file: file, line: 1, column: 1)
    do {
      bytes = try reading.source.readFile(path, limit: maximumFileBytes)
    } catch {
      // supervisord passes over an included file that it may not read; nobody wants that.
      reading.files.append(Reading.File(path: path, shownPath: reading.shown(path), bytes: []))
      let message = "cannot read \(quoted(reading.shown(path))): \(error.reason)"
      if isNeeded {
        reading.error(start, message)
      } else {
        reading.warning(start, message, hint: "supervisord would say nothing and do without")
      }
      return false
    }
    reading.files.append(Reading.File(path: path, shownPath: reading.shown(path), bytes: bytes))
    guard bytes.count <= maximumFileBytes else {
      reading.error(start, "the file is larger than \(sizeText(Int64(maximumFileBytes)))")
      return false
    }
    let result = readSections(bytes, as: .supervisord)
    for problem in result.problems { report(problem, file) }
    for section in result.sections { sections.add(section, file: file) }
    return true
  }

  private mutating func report(_ problem: ReadingProblem, _ file: Int) {
    let place = Place(file: file, line: problem.line, column: problem.column)
    switch problem.kind {
    case .byteOrderMark:
      reading.error(
        place, "the file begins with a byte order mark", hint: "save it as UTF-8 without one")
    case .invalidUTF8: reading.error(place, "this is not UTF-8", hint: "save the file as UTF-8")
    case .nul: reading.error(place, "a NUL byte", hint: "is this a text file?")
    case .lineTooLong:
      reading.error(place, "the line is longer than \(maximumLineBytes) bytes")
    case .textBeforeSection:
      reading.error(
        place, "text before the first section", hint: "begin with a header: `[supervisord]`")
    case .missingDelimiter, .missingKey, .emptyHeader:
      reading.error(
        place, "this line is no `key = value`",
        hint: "a line that continues a value is indented deeper than its key")
    case .unclosedHeader, .textAfterHeader: break
    }
  }

  // MARK: Includes

  private mutating func include(_ section: SupervisordSection) throws(Rejection) {
    guard let option = sections.option("files", of: section) else {
      throw Rejection(section.place, "[include] without `files`", hint: "name the files to include")
    }
    let names = Expansions([("here", .text(here)), ("host_node_name", hostName)])
    let files = try expanded(option, by: names.updated(with: environment))
    for pattern in files.pythonWords {
      let path = pattern.hasPrefix("/") ? pattern : "\(here)/\(pattern)"
      let found = isPattern(path) ? matches(of: path) : named(path)
      guard let found else {
        throw Rejection(
          option.place, "\(quoted(pattern)) matches more than \(maximumFileCount) files")
      }
      if found.isEmpty {
        reading.warning(option.place, "no file matches \(quoted(reading.shown(path)))")
      }
      for path in found {
        guard reading.files.count < maximumFileCount else {
          throw Rejection(
            option.place, "the configuration has more than \(maximumFileCount) files")
        }
        _ = add(path, isNeeded: false)
        sections.expandHere(parentFolder(of: path))
      }
    }
  }

  private func named(_ path: String) -> [String]? {
    reading.source.kindOfFile(path).map { $0 == .folder ? [] : [path] } ?? []
  }

  private func matches(of pattern: String) -> [String]? {
    reading.source.files(matching: pattern, limit: maximumFileCount)
  }
}

// MARK: - Values

extension SupervisordReader {
  func expanded(
    _ option: SupervisordOption, by names: Expansions
  ) throws(Rejection) -> String {
    do {
      return try expand(option.text, by: names)
    } catch {
      throw Rejection(option.place, error.message, hint: error.hint)
    }
  }

  /// An option with everything expanded; nil where it is not set.
  ///
  /// - Parameter names: beside the variables of the environment, and stronger.
  func text(
    _ key: String, of section: SupervisordSection, _ names: Expansions = Expansions()
  ) throws(Rejection) -> String? {
    guard let option = sections.option(key, of: section) else { return nil }
    return try expanded(option, by: environment.updated(with: names))
  }

  /// An option in the type that it has; `fallback` where it is not set.
  func value<Result>(
    _ key: String, of section: SupervisordSection, _ names: Expansions = Expansions(),
    default fallback: Result, _ convert: (String) throws(ValueProblem) -> Result
  ) throws(Rejection) -> Result {
    guard let text = try text(key, of: section, names) else { return fallback }
    return try converting(key, of: section) { () throws(ValueProblem) in try convert(text) }
  }

  /// Says where a value stands that cannot be used.
  func converting<Result>(
    _ key: String, of section: SupervisordSection, _ body: () throws(ValueProblem) -> Result
  ) throws(Rejection) -> Result {
    do {
      return try body()
    } catch {
      throw Rejection(
        sections.option(key, of: section)?.place ?? section.place, "`\(key)`: \(error.message)",
        hint: error.hint)
    }
  }

  // MARK: Paths

  /// `os.path.expanduser`.
  func expandingHome(_ path: String) -> String {
    guard path.hasPrefix("~") else { return path }
    let user = path.dropFirst().prefix { $0 != "/" }
    let rest = path.dropFirst(1 + user.count)
    let home =
      user.isEmpty
      ? reading.source.environmentVariable("HOME") : reading.source.homeFolder(of: String(user))
    guard let home else { return path }
    let folder = home.hasSuffix("/") ? String(home.dropLast()) : home
    return folder + rest == "" ? "/" : folder + rest
  }

  /// `os.path.normpath` of the absolute path.
  func normalized(_ path: String) -> String {
    let path = expandingHome(path)
    let whole = path.hasPrefix("/") ? path : "\(reading.source.workingFolder)/\(path)"
    var parts: [Substring] = []
    for part in whole.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    // POSIX leaves the meaning of exactly two slashes open, and Python leaves them.
    let isDouble = whole.hasPrefix("//") && !whole.hasPrefix("///")
    return (isDouble ? "//" : "/") + parts.joined(separator: "/")
  }

  /// A path to a file in a folder that exists.
  func pathInFolder(_ text: String) throws(ValueProblem) -> String {
    let path = expandingHome(text)
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
    var folder = String(path[..<slash])
    if folder.utf8.allSatisfy({ $0 == UInt8(ascii: "/") }) { folder = "/" }
    return try folderExists(folder, path)
  }

  /// A folder that exists.
  func folder(_ text: String) throws(ValueProblem) -> String {
    let path = expandingHome(text)
    return try folderExists(path, path)
  }

  private func folderExists(_ folder: String, _ path: String) throws(ValueProblem) -> String {
    let whole = absolutePath(folder, from: reading.source.workingFolder)
    guard reading.source.kindOfFile(whole) == .folder else {
      throw ValueProblem("there is no folder \(quoted(folder))", hint: "make it first")
    }
    return path
  }

  // MARK: Users

  /// A name or a number, which has to be there.
  func user(_ text: String) throws(ValueProblem) -> String {
    guard reading.source.userExists(text.pythonTrimmed) else {
      throw ValueProblem(
        "there is no user \(quoted(text))", hint: "`getent passwd` lists users and their numbers")
    }
    return text
  }

  /// `user` or `user:group`.
  func userAndGroup(_ text: String) throws(ValueProblem) -> (user: String, group: String?) {
    let parts = text.unicodeScalars.split(
      separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    return (try user(String(parts[0])), parts.count > 1 ? String(parts[1]) : nil)
  }
}
