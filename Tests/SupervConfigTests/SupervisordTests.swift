import Foundation
import SupervConfig
import Testing

/// supervisord's dialect, against what supervisor 4.3.0 itself makes of the same files.
@Suite struct SupervisordTests {
  @Test(arguments: ["", "quirks"])
  func filesMeanWhatTheyMeanToSupervisord(folder: String) throws {
    guard let files = SupervisordCorpus.expectations(in: folder) else { return }
    var counts: [String: Int] = [:]
    for file in files {
      let one = try SupervisordCase(file)
      let loaded = one.load()
      let isWanted = one.expected["ok"] as? Bool == true
      let warnings = loaded.diagnostics.filter { $0.severity == .warning }.count
      counts[isWanted ? "accepted by both" : "rejected by both", default: 0] += 1
      if warnings > 0 { counts["with a warning of ours", default: 0] += 1 }
      guard isWanted else {
        #expect(loaded.configuration == nil, "\(one.name): \(one.expected["error"] ?? "")")
        continue
      }
      guard let configuration = loaded.configuration else {
        Issue.record("\(one.name): \(loaded.diagnostics)")
        continue
      }
      let ours = configuration.asExpected
      for key in ours.keys.sorted() {
        compare(one.expected[key], ours[key], "\(one.name) \(key)")
      }
      let theirs = one.expected["parse_warnings"] as? [String] ?? []
      #expect(warnings >= Set(theirs).count, "\(one.name): \(theirs), ours \(loaded.diagnostics)")
    }
    print("supervisord's \(folder.isEmpty ? "files" : folder): \(counts)")
  }

  /// Says where two values differ.
  private func compare(_ expected: Any?, _ ours: Any?, _ place: String) {
    switch (expected, ours) {
    case (let expected as [String: Any], let ours as [String: Any]):
      // What the corpus says beside: words for errors, names of what it could not import.
      let ignored: Set = ["argv_error", "resolved", "stopsignal", "umask_error", "error"]
      if expected["error"] != nil { return }
      for key in Set(expected.keys).union(ours.keys).subtracting(ignored).sorted() {
        compare(expected[key], ours[key], "\(place).\(key)")
      }
    case (let expected as [Any], let ours as [Any]):
      #expect(expected.count == ours.count, "\(place): \(expected) \(ours)")
      for (index, pair) in zip(expected, ours).enumerated() {
        compare(pair.0, pair.1, "\(place)[\(index)]")
      }
    case (let expected as [String: Any], is NSNull) where expected["error"] != nil: break
    default:
      let isSame = (expected as? NSObject)?.isEqual(ours) ?? false
      #expect(isSame, "\(place): expected \(expected ?? "nothing"), ours \(ours ?? "nothing")")
    }
  }
}
