import SupervSystem

/// The files of one log as a chain from old to new, walked while the logger may be rotating them.
///
/// A file is known by its inode, never by its name: rotation renames it, upwards and the oldest
/// first (`RotationPlan`). The number of an inode that is held open cannot be another file's, and
/// whoever looks at the names in ascending order cannot miss one that is moving up.
struct LogChain {
  /// One file, held open.
  struct Link: ~Copyable {
    let descriptor: Descriptor
    let device: UInt64
    let inode: UInt64
  }

  /// What comes after a file.
  enum Step: ~Copyable {
    case file(Link)
    /// The file is the newest, or the next one is not there yet.
    case none
  }

  let path: String

  /// The file with this number, if it is a regular one.
  func open(number: Int) throws(SystemError) -> Link? {
    do {
      // Nonblocking, in case somebody put a named pipe there.
      let file = try Files.open(
        LogFileName.path(path, number: number), [.readOnly, .nonblocking])
      let status = try file.status()
      guard status.kind == .regular else { return nil }
      return Link(descriptor: file, device: status.device, inode: status.inode)
    } catch let error where error.isMissing {
      return nil
    }
  }

  /// The oldest file; `since` leaves out rotated ones last written before that (nanoseconds since
  /// 1970).
  func oldest(since: Int64 = .min) throws(SystemError) -> Link? {
    for _ in 0..<LogChain.attempts {
      let wanted = try present().last { $0.number == 0 || $0.status.modifiedNanoseconds >= since }
      guard let wanted else { return nil }
      if let link = try open(number: wanted.number), link.isSame(wanted.status) { return link }
    }
    return nil
  }

  /// Whether a newer file than this one is written, or about to be.
  func isRotated(_ link: borrowing Link) throws(SystemError) -> Bool {
    guard let current = try Files.status(of: path) else { return true }
    return !link.isSame(current)
  }

  /// The next newer file. If the given one is gone, every file that is left is newer.
  func newer(than link: borrowing Link) throws(SystemError) -> Step {
    for attempt in 0..<LogChain.attempts {
      let files = try present()
      let place = files.firstIndex { link.isSame($0.status) } ?? files.endIndex
      guard place > 0 else { return .none }
      let next = files[place - 1]
      if place < files.endIndex, next.number + 1 < files[place].number,
        attempt + 1 < LogChain.attempts
      {
        // Either a rotation is under way, or somebody deleted the one in between.
        pause(milliseconds: 1)
        continue
      }
      if let opened = try open(number: next.number), opened.isSame(next.status),
        try present().map(\.key).dropFirst(place).first == files.dropFirst(place).first?.key
      {
        return .file(opened)
      }
    }
    return .none
  }

  /// The next older file.
  func older(than link: borrowing Link) throws(SystemError) -> Step {
    for _ in 0..<LogChain.attempts {
      let files = try present()
      guard let place = files.firstIndex(where: { link.isSame($0.status) }),
        place + 1 < files.endIndex
      else { return .none }
      let next = files[place + 1]
      if let opened = try open(number: next.number), opened.isSame(next.status) {
        return .file(opened)
      }
    }
    return .none
  }

  private struct Present {
    var number: Int
    var status: FileStatus
    var key: [UInt64] { [UInt64(number), status.device, status.inode] }
  }

  /// The files that are there, newest first. The numbers have no gap, but for the one that a
  /// rotation makes for a moment.
  private func present() throws(SystemError) -> [Present] {
    var found: [Present] = []
    var number = 0
    var missing = 0
    while missing < 2 {
      if let status = try Files.status(of: LogFileName.path(path, number: number)) {
        found.append(Present(number: number, status: status))
        missing = 0
      } else {
        missing += 1
      }
      number += 1
    }
    return found
  }

  /// How often a rotation that comes in between makes us look again.
  private static let attempts = 20
}

extension LogChain.Link {
  func duplicate() throws(SystemError) -> LogChain.Link {
    LogChain.Link(descriptor: try descriptor.duplicate(), device: device, inode: inode)
  }

  func isSame(_ status: FileStatus) -> Bool {
    status.device == device && status.inode == inode
  }
}
