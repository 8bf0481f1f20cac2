import CSuperv
import Glibc

/// Files and folders by path. Everything here may wait for a disk.
package enum Files {
  package struct OpenFlags: OptionSet, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let readOnly: Self = []
    package static let writeOnly = Self(rawValue: O_WRONLY)
    package static let readWrite = Self(rawValue: O_RDWR)
    package static let append = Self(rawValue: O_APPEND)
    package static let create = Self(rawValue: O_CREAT)
    /// With `.create`: fail with `EEXIST` when it exists.
    package static let exclusive = Self(rawValue: O_EXCL)
    package static let truncate = Self(rawValue: O_TRUNC)
    package static let nonblocking = Self(rawValue: O_NONBLOCK)
    package static let directory = Self(rawValue: O_DIRECTORY)
    /// Fail with `ELOOP` when the last part is a symbolic link.
    package static let noFollow = Self(rawValue: O_NOFOLLOW)
    /// Not the file itself, only where it is: needs no permission for it (`O_PATH`).
    package static let pathOnly = Self(rawValue: 0o10000000)
  }

  /// Opens a file, close-on-exec; a terminal does not become the controlling one (open(2)).
  ///
  /// - Parameter mode: The permissions of a new file, less the umask.
  package static func open(
    _ path: String, _ flags: OpenFlags, mode: UInt32 = 0o644
  ) throws(SystemError) -> Descriptor {
    let number = try retrying("open", subject: path) {
      unsafe Glibc.open(path, flags.rawValue | O_CLOEXEC | O_NOCTTY, mode)
    }
    return Descriptor(owning: number)
  }

  /// The whole content.
  ///
  /// - Throws: `SystemError`; `EFBIG` when there is more than `maximumBytes`.
  package static func read(
    _ path: String, maximumBytes: Int = 16 << 20
  ) throws(SystemError) -> [UInt8] {
    let file = try open(path, .readOnly)
    return try naming(path) { () throws(SystemError) in
      try file.readAll(maximumBytes: maximumBytes)
    }
  }

  /// The whole content as text; what is not UTF-8 is repaired.
  package static func readText(
    _ path: String, maximumBytes: Int = 16 << 20
  ) throws(SystemError) -> String {
    String(decoding: try read(path, maximumBytes: maximumBytes), as: UTF8.self)
  }

  /// Puts `content` in the place of whatever is at `path`. After a crash at any point there is
  /// the old content or the new one, whole and on disk (fsync(2), rename(2)).
  package static func replace(
    _ path: String, with content: Span<UInt8>, mode: UInt32 = 0o644
  ) throws(SystemError) {
    let draft = "\(path).\(getpid()).draft"
    do {
      // A draft with our pid was left by a process that is gone.
      let file = try open(draft, [.writeOnly, .create, .truncate, .noFollow], mode: mode)
      try file.writeAll(content)
      try retrying("fsync", subject: draft) { fsync(file.number) }
      try rename(draft, to: path)
    } catch {
      try? remove(draft)
      throw SystemError(error.call, code: error.code, subject: error.subject ?? draft)
    }
    try synchronizeDirectory(parent(of: path))
  }

  /// Renames, over what is at `target` (rename(2)).
  package static func rename(_ path: String, to target: String) throws(SystemError) {
    try retrying("rename", subject: path) { unsafe Glibc.rename(path, target) }
  }

  /// Removes a file, not a folder (unlink(2)).
  package static func remove(_ path: String) throws(SystemError) {
    try retrying("unlink", subject: path) { unsafe unlink(path) }
  }

  /// Removes an empty folder (rmdir(2)).
  package static func removeDirectory(_ path: String) throws(SystemError) {
    try retrying("rmdir", subject: path) { unsafe rmdir(path) }
  }

  /// Sets the permissions (chmod(2)).
  package static func setMode(_ path: String, _ mode: UInt32) throws(SystemError) {
    try retrying("chmod", subject: path) { unsafe chmod(path, mode) }
  }

  /// Gives it to a user and a group (chown(2)).
  package static func setOwner(
    _ path: String, user: UInt32, group: UInt32
  ) throws(SystemError) {
    try retrying("chown", subject: path) { unsafe chown(path, user, group) }
  }

  /// Makes a named pipe; the umask does not matter (mkfifo(3)).
  package static func makeFIFO(_ path: String, mode: UInt32 = 0o600) throws(SystemError) {
    try retrying("mkfifo", subject: path) { unsafe mkfifo(path, mode) }
    try setMode(path, mode)
  }

  /// Makes a symbolic link at `path` (symlink(2)).
  package static func makeLink(_ path: String, to target: String) throws(SystemError) {
    try retrying("symlink", subject: path) { unsafe symlink(target, path) }
  }

  /// Makes a folder and what is missing above it (0755, less the umask); existing ones stay as
  /// they are. A new folder has exactly `mode`.
  ///
  /// - Throws: `SystemError`; `ENOTDIR` when a file is in the way.
  package static func makeDirectories(
    _ path: String, mode: UInt32 = 0o755
  ) throws(SystemError) {
    if let there = try status(of: path) {
      guard there.kind == .directory else {
        throw SystemError("mkdir", code: ENOTDIR, subject: path)
      }
      return
    }
    let above = parent(of: path)
    if above != path { try makeDirectories(above) }
    do {
      try retrying("mkdir", subject: path) { unsafe mkdir(path, mode & 0o700) }
      try setMode(path, mode)
    } catch let error where error.code == EEXIST {
      // Somebody else made it meanwhile: check once more what it is.
      try makeDirectories(path, mode: mode)
    }
  }

  /// Where a symbolic link points (readlink(2)).
  package static func linkTarget(_ path: String) throws(SystemError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try retrying("readlink", subject: path) {
      unsafe readlink(path, &buffer, Int(PATH_MAX))
    }
    return String(decoding: buffer[..<count].lazy.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The absolute path without links, `.` and `..` (realpath(3)); everything on it must exist.
  package static func realPath(_ path: String) throws(SystemError) -> String {
    guard let resolved = unsafe realpath(path, nil) else {
      throw failure("realpath", errno, path)
    }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// The folder that `path` is in: `/a` for `/a/b` and `/a/b/`, `.` for `b`, `/` for `/`.
  package static func parent(of path: String) -> String {
    var bytes = Array(path.utf8)
    let slash = UInt8(ascii: "/")
    while bytes.count > 1, bytes.last == slash { bytes.removeLast() }
    guard let last = bytes.lastIndex(of: slash) else { return "." }
    var end = last
    while end > 0, bytes[end - 1] == slash { end -= 1 }
    return end == 0 ? "/" : String(decoding: bytes[..<end], as: UTF8.self)
  }

  /// Makes renames in a folder survive a power cut (fsync(2) on the folder).
  package static func synchronizeDirectory(_ path: String) throws(SystemError) {
    let folder = try open(path, [.readOnly, .directory])
    try retrying("fsync", subject: path) { fsync(folder.number) }
  }

  /// Adds the path to an error of a call that only knew the descriptor.
  private static func naming<Result>(
    _ path: String, _ body: () throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    do {
      return try body()
    } catch {
      throw SystemError(error.call, code: error.code, subject: path)
    }
  }
}

extension Descriptor {
  /// Takes the one exclusive lock on an open file, without waiting (flock(2)). It lasts until every
  /// copy of the descriptor is closed, those that other processes inherited included.
  ///
  /// - Returns: false when somebody else holds it.
  package func lock() throws(SystemError) -> Bool {
    try unlessItWouldBlock("flock") { flock(number, LOCK_EX | LOCK_NB) } != nil
  }

  /// Cuts the file, or extends it with zeros (ftruncate(2)).
  package func truncate(toBytes size: Int64) throws(SystemError) {
    try retrying("ftruncate") { ftruncate(number, off_t(size)) }
  }
}
