// The files of a supervisord configuration as one set of sections: repeated sections are one, the
// last value of an option counts, `[DEFAULT]` is in every section.

/// The value of an option, and where it stands.
struct SupervisordOption {
  var text: String
  var place: Place
  /// Whether a comment cuts a line of it.
  var cut: Place?
}

struct SupervisordSection {
  /// As it is written, white space included.
  var name: String
  var place: Place
  /// In order of first appearance.
  private(set) var keys: [String] = []
  private var options: [String: SupervisordOption] = [:]

  init(_ name: String, _ place: Place) {
    self.name = name
    self.place = place
  }

  subscript(key: String) -> SupervisordOption? {
    get { options[key] }
    set {
      if options.updateValue(newValue ?? SupervisordOption(text: "", place: place), forKey: key)
        == nil
      {
        keys.append(key)
      }
    }
  }
}

struct SupervisordSections {
  /// In order of first appearance.
  private(set) var all: [SupervisordSection] = []
  private(set) var defaults = SupervisordSection("DEFAULT", Place(file: 0, line: 1, column: 1))
  private var indices: [String: Int] = [:]

  subscript(name: String) -> SupervisordSection? { indices[name].map { all[$0] } }

  /// An option of a section, or of `[DEFAULT]`.
  func option(_ key: String, of section: SupervisordSection) -> SupervisordOption? {
    section[key] ?? defaults[key]
  }

  /// The options of a section, those of `[DEFAULT]` included.
  func keys(of section: SupervisordSection) -> [String] {
    section.keys + defaults.keys.filter { section[$0] == nil }
  }

  mutating func add(_ section: Section, file: Int) {
    let header = section.header
    let place = Place(file: file, line: header.line, column: header.column)
    let name = header.text
    var merged = name == "DEFAULT" ? defaults : self[name] ?? SupervisordSection(name, place)
    for entry in section.entries {
      let text = entry.segments.map(\.text).joined(separator: "\n")
      let cut = entry.segments.first { $0.isCut }
      let place = Place(file: file, line: entry.line, column: entry.column)
      merged[entry.key] = SupervisordOption(
        text: trimmedAtEnd(text), place: place,
        cut: cut.map { Place(file: file, line: $0.line, column: $0.column) })
    }
    if name == "DEFAULT" {
      defaults = merged
    } else if let index = indices[name] {
      all[index] = merged
    } else {
      indices[name] = all.count
      all.append(merged)
    }
  }

  /// Puts a folder in the place of `%(here)s`, wherever that stands: so supervisord does after each
  /// file when there is an `[include]`.
  mutating func expandHere(_ folder: String) {
    for index in all.indices {
      for key in keys(of: all[index]) {
        guard var option = option(key, of: all[index]), let text = replacedHere(option.text, folder)
        else { continue }
        option.text = text
        all[index][key] = option
      }
    }
  }

  private func replacedHere(_ text: String, _ folder: String) -> String? {
    let mark = Array("%(here)s".utf8)
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index...].starts(with: mark) {
        result += folder.utf8
        index += mark.count
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result == bytes ? nil : String(decoding: result, as: UTF8.self)
  }

  private func trimmedAtEnd(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let last = scalars.lastIndex(where: { !$0.isPythonSpace }) else { return "" }
    return String(scalars[...last])
  }
}
