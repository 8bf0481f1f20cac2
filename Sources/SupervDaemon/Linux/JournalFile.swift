import SupervSystem

/// The journal in the runtime directory. It has to outlive this process and not the machine, so
/// nothing waits for a disk: that it is in the page cache is enough.
final class JournalFile {
  private let path: String
  private var file: Descriptor
  /// A line was cut off: the next one must not be taken for its rest.
  private var isTorn = false
  /// Whether the last write failed.
  private var isFaulty = false
  /// Why writing began to fail, until it is told.
  private var fault: SystemError?

  /// Opens what there is, or makes it.
  init(in directory: String) throws(SystemError) {
    path = Self.path(in: directory)
    file = try Files.open(path, [.writeOnly, .append, .create, .noFollow], mode: 0o600)
  }

  static func path(in directory: String) -> String { "\(directory)/journal.ndjson" }

  var byteCount: Int { Int(clamping: (try? file.status().size) ?? 0) }

  /// For a process that writes itself into it.
  var number: Int32 { file.number }

  /// - Returns: whether they are in it.
  func append(_ lines: [UInt8]) -> Bool {
    do {
      if isTorn { try file.writeAll("\n") }
      isTorn = true
      try file.writeAll(lines.span)
      isTorn = false
      isFaulty = false
      return true
    } catch {
      note(error)
      return false
    }
  }

  /// - Returns: whether it was; otherwise the old one is still there, and is written on to.
  func replace(_ lines: [UInt8]) -> Bool {
    let draft = "\(path).draft"
    do {
      let new = try Files.open(
        draft, [.writeOnly, .append, .create, .truncate, .noFollow], mode: 0o600)
      try new.writeAll(lines.span)
      try Files.rename(draft, to: path)
      file = new
      isTorn = false
      isFaulty = false
      return true
    } catch {
      try? Files.remove(draft)
      note(error)
      return false
    }
  }

  /// Told once, however often it fails.
  private func note(_ error: SystemError) {
    if !isFaulty { fault = error }
    isFaulty = true
  }

  /// The end in order: nothing is left to be found.
  func remove() { try? Files.remove(path) }

  func takeFault() -> SystemError? {
    defer { fault = nil }
    return fault
  }
}
