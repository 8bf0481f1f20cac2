// From the main file to a flat list of sections: reading, headers, includes.

/// The largest file, in bytes.
package let maximumFileBytes = 1 << 20

/// How deep includes may be nested.
package let maximumIncludeDepth = 16

/// How many files a configuration may have.
package let maximumFileCount = 1000

struct FileLoader {
  var reading: Reading
  /// In file order, the sections of an included file where it is included.
  var sections: [PlacedSection] = []
  /// The files that are being read, the innermost last.
  private var openFiles: [Int] = []
  /// What each file is called without symbolic links and `..`.
  private var canonicalPaths: [String: Int] = [:]

  init(source: any ConfigurationSource, shownFrom: String?) {
    reading = Reading(source: source, shownFrom: shownFrom)
  }

  /// Reads a file and what it includes.
  ///
  /// - Parameter reference: where it is included; nil for the main file.
  mutating func load(_ path: String, from reference: Place?) {
    let file = reading.files.count
    reading.files.append(Reading.File(path: path, shownPath: reading.shown(path), bytes: []))
    canonicalPaths[reading.source.canonicalPath(path) ?? path] = file
    let start = Place(file: file, line: 1, column: 1)
    do throws(SourceError) {
      let bytes = try reading.source.readFile(path, limit: maximumFileBytes)
      guard bytes.count <= maximumFileBytes else {
        return reading.error(
          start, "the file is larger than \(sizeText(Int64(maximumFileBytes)))",
          hint: "split it, and name the parts in `[include]`")
      }
      reading.files[file].bytes = bytes
    } catch {
      let message = "cannot read \(quoted(reading.shown(path))): \(error.reason)"
      return reading.error(reference ?? start, message)
    }
    openFiles.append(file)
    let result = readSections(reading.files[file].bytes, as: .superv)
    for problem in result.problems { reading.report(problem, inFile: file) }
    for section in result.sections { place(section, file) }
    openFiles.removeLast()
  }

  // MARK: Headers

  private mutating func place(_ section: Section, _ file: Int) {
    let header = section.header
    let place = Place(file: file, line: header.line, column: header.column)
    guard !section.isBroken else {
      reading.hasUnreadableHeader = true
      return
    }
    let text = header.text
    let colon = text.firstIndex(of: ":")
    let type = colon.map { String(text[..<$0]) } ?? text
    switch type {
    case "superv", "include":
      if colon != nil { reading.error(place, "[\(type)] takes no name", hint: "write `[\(type)]`") }
      if type == "include" { return include(section, place) }
      guard openFiles.count == 1 else {
        return reading.error(
          place, "[superv] in an included file", hint: "it belongs in the main file")
      }
      sections.append(PlacedSection(kind: .superv, name: "", place: place, section: section))
    case "agent", "program": add(.agent, text, colon, place, section)
    case "supervisor": add(.supervisor, text, colon, place, section)
    default:
      let name = section.header.bytes.drop { $0 != UInt8(ascii: ":") }.dropFirst().trimmed
      reading.unreadableNames.insert(String(decoding: name, as: UTF8.self))
      let types = ["agent", "supervisor", "superv", "include", "program"]
      let nearest = nearestName(to: type, among: types).map { colon == nil ? $0 : "\($0):NAME" }
      let known = "[superv], [supervisor:NAME], [agent:NAME] and [include] are known"
      reading.error(
        place, "unknown section [\(text.isEmpty ? "" : quoted(text).dropFirst().dropLast())]",
        hint: nearest.map { "did you mean [\($0)]?" } ?? known)
    }
  }

  private mutating func add(
    _ kind: PlacedSection.Kind, _ text: String, _ colon: String.Index?, _ place: Place,
    _ section: Section
  ) {
    guard let colon else {
      reading.hasUnreadableHeader = true
      return reading.error(place, "[\(text)] needs a name", hint: "write `[\(text):NAME]`")
    }
    let after = section.header.bytes.drop { $0 != UInt8(ascii: ":") }.dropFirst()
    let name = String(decoding: after.trimmed, as: UTF8.self)
    if let (message, hint) = complaint(aboutName: name) {
      reading.unreadableNames.insert(name)
      let column = place.column + text[...colon].unicodeScalars.count
      return reading.error(
        Place(file: place.file, line: place.line, column: column), message, hint: hint)
    }
    sections.append(PlacedSection(kind: kind, name: name, place: place, section: section))
  }

  // MARK: Includes

  private mutating func include(_ section: Section, _ place: Place) {
    var settings = IncludeSettings()
    reading.expansions = []
    let known = reading.read(section, file: place.file, by: includeKeys, into: &settings)
    if known.places["files"] == nil {
      reading.error(place, "[include] without `files`", hint: "such as `files = agents/*.conf`")
    }
    for pattern in settings.patterns {
      guard isPattern(pattern.name) else {
        loadOnce(pattern.name, from: pattern.place, isNamed: true)
        continue
      }
      guard let paths = reading.source.files(matching: pattern.name, limit: maximumFileCount) else {
        reading.error(
          pattern.place, "\(quoted(pattern.name)) matches more than \(maximumFileCount) files",
          hint: "use a narrower pattern")
        continue
      }
      if paths.isEmpty {
        reading.warning(pattern.place, "no file matches \(quoted(reading.shown(pattern.name)))")
      }
      for path in paths { loadOnce(path, from: pattern.place, isNamed: false) }
    }
  }

  /// A pattern may well match the file it stands in, or one that was read before: each file counts
  /// once. Who names one file twice has made a mistake.
  private mutating func loadOnce(_ path: String, from place: Place, isNamed: Bool) {
    if let index = canonicalPaths[reading.source.canonicalPath(path) ?? path] {
      guard isNamed else { return }
      if let start = openFiles.firstIndex(of: index) {
        let circle = (openFiles[start...] + [index]).map { reading.files[$0].shownPath }
        reading.error(
          place, "the file includes itself: \(circle.joined(separator: " → "))",
          hint: "take one of these includes out")
      } else {
        reading.warning(
          place, "\(quoted(reading.shown(path))) is included already", hint: "name it once")
      }
    } else if openFiles.count > maximumIncludeDepth {
      reading.error(place, "includes are nested deeper than \(maximumIncludeDepth)")
    } else if reading.files.count >= maximumFileCount {
      reading.error(place, "the configuration has more than \(maximumFileCount) files")
    } else {
      load(path, from: place)
    }
  }
}
