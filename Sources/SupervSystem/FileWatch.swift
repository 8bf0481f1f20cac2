import CSuperv
import Glibc

/// Tells of changes to files and folders (inotify(7)). Readable when there is something to tell.
package struct FileWatch: ~Copyable {
  /// What can happen, and what did.
  package struct Changes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let modified = Self(rawValue: UInt32(IN_MODIFY))
    /// A file that was open for writing was closed.
    package static let written = Self(rawValue: UInt32(IN_CLOSE_WRITE))
    package static let created = Self(rawValue: UInt32(IN_CREATE))
    package static let removed = Self(rawValue: UInt32(IN_DELETE))
    package static let movedHere = Self(rawValue: UInt32(IN_MOVED_TO))
    package static let movedAway = Self(rawValue: UInt32(IN_MOVED_FROM))
    /// What is watched itself was removed.
    package static let removedItself = Self(rawValue: UInt32(IN_DELETE_SELF))
    package static let movedItself = Self(rawValue: UInt32(IN_MOVE_SELF))
    /// Only reported: the watch has ended.
    package static let ended = Self(rawValue: UInt32(IN_IGNORED))
    /// Only reported: more happened than the kernel kept; look at everything again.
    package static let overflow = Self(rawValue: UInt32(IN_Q_OVERFLOW))
  }

  package struct Event: Hashable, Sendable {
    /// What `add` returned; -1 with `.overflow`.
    package var watch: Int32
    package var changes: Changes
    /// In a folder that is watched: the name in it.
    package var name: String?

    package init(watch: Int32, changes: Changes, name: String?) {
      self.watch = watch
      self.changes = changes
      self.name = name
    }
  }

  package let descriptor: Descriptor

  package init() throws(SystemError) {
    descriptor = Descriptor(owning: try retrying("inotify_init1") { csv_inotify_create() })
  }

  /// Begins to watch, or changes what is watched for.
  ///
  /// - Returns: The number of the watch, which events carry.
  package func add(_ path: String, for changes: Changes) throws(SystemError) -> Int32 {
    try retrying("inotify_add_watch", subject: path) {
      unsafe inotify_add_watch(descriptor.number, path, changes.rawValue)
    }
  }

  package func remove(_ watch: Int32) throws(SystemError) {
    try retrying("inotify_rm_watch") { inotify_rm_watch(descriptor.number, watch) }
  }

  /// What has happened since the last time; empty when nothing has.
  package func events() throws(SystemError) -> [Event] {
    var events: [Event] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      var span = buffer.mutableSpan
      guard let count = try descriptor.read(into: &span), count > 0 else { return events }
      Self.parse(buffer[..<count], into: &events)
    }
  }

  /// Each record is the struct, whose last field is the length of the name, and the name with
  /// NUL bytes up to that length.
  private static func parse(_ bytes: ArraySlice<UInt8>, into events: inout [Event]) {
    let header = MemoryLayout<inotify_event>.size
    func word(_ position: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) << UInt32(8 * $1) }
    }
    var rest = bytes
    while rest.count >= header {
      let start = rest.startIndex
      let length = Int(word(start + 12))
      let name = rest.dropFirst(header).prefix(length).prefix { $0 != 0 }
      events.append(
        Event(
          watch: Int32(bitPattern: word(start)), changes: Changes(rawValue: word(start + 4)),
          name: name.isEmpty ? nil : String(decoding: name, as: UTF8.self)))
      rest = rest.dropFirst(header + length)
    }
  }
}
