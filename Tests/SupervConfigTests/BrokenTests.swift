import Foundation
import SupervConfig
import Testing

/// Every file in `Broken`, with everything that is to be said about it.
@Suite struct BrokenTests {
  static let folder = testFolder.appending(path: "Broken", directoryHint: .isDirectory)

  static let names: [String] = {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
    return all.filter { $0.hasSuffix(".conf") }.map { String($0.dropLast(5)) }.sorted()
  }()

  /// The folder's files, as if they were in /etc/superv.
  static func source() throws -> FixedSource {
    var source = FixedSource()
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path())
    for path in paths where !path.hasSuffix(".expected") {
      if let bytes = try? Data(contentsOf: folder.appending(path: path)) {
        source.files["/etc/superv/\(path)"] = Array(bytes)
      } else {
        source.folders.insert("/etc/superv/\(path)")
      }
    }
    return source
  }

  @Test func thereAreEnough() { #expect(Self.names.count >= 40) }

  @Test(arguments: names) func saysWhatIsWrong(_ name: String) throws {
    let loaded = loadConfiguration(
      "/etc/superv/\(name).conf", from: try Self.source(), shownFrom: "/etc/superv")
    let text = loaded.diagnostics.map { "\($0)\n" }.joined()
    #expect(!text.isEmpty)
    let hasErrors = loaded.diagnostics.contains { $0.severity == .error }
    #expect((loaded.configuration == nil) == hasErrors)
    try compare(text, with: Self.folder.appending(path: "\(name).expected"))
  }
}

/// Compares a text with a file, line by line.
func compare(_ text: String, with file: URL) throws {
  if isUpdating { return try Data(text.utf8).write(to: file) }
  let differences = differences(from: try String(contentsOf: file, encoding: .utf8), to: text)
  guard !differences.isEmpty else { return }
  Issue.record("\(file.lastPathComponent) differs:\n\(differences.joined(separator: "\n"))")
}

/// The lines that go and come, with their numbers.
func differences(from old: String, to new: String) -> [String] {
  let lines = [old, new].map { $0.components(separatedBy: "\n") }
  return lines[1].difference(from: lines[0]).map { change in
    switch change {
    case .remove(let offset, let line, _): "-\(offset + 1): \(line)"
    case .insert(let offset, let line, _): "+\(offset + 1): \(line)"
    }
  }
}
