import Glibc

/// What the file system says about a file (stat(2)).
package struct FileStatus: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case regular, directory, link, socket, fifo, characterDevice, blockDevice, unknown
  }

  package var kind: Kind
  /// In bytes.
  package var size: Int64
  /// Nanoseconds since 1970-01-01 UTC.
  package var modifiedNanoseconds: Int64
  package var device: UInt64
  package var inode: UInt64
  package var user: UInt32
  package var group: UInt32
  /// The permission bits, 0...0o7777.
  package var mode: UInt32
  /// How many names it has; of a folder, two and one for each folder in it, mostly.
  package var linkCount: UInt64

  init(_ raw: stat) {
    kind =
      switch raw.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .link
      case S_IFSOCK: .socket
      case S_IFIFO: .fifo
      case S_IFCHR: .characterDevice
      case S_IFBLK: .blockDevice
      default: .unknown
      }
    size = Int64(raw.st_size)
    modifiedNanoseconds = Int64(raw.st_mtim.tv_sec) * 1_000_000_000 + Int64(raw.st_mtim.tv_nsec)
    device = UInt64(raw.st_dev)
    inode = UInt64(raw.st_ino)
    user = raw.st_uid
    group = raw.st_gid
    mode = raw.st_mode & 0o7777
    linkCount = UInt64(raw.st_nlink)
  }
}

/// How full a file system is (statvfs(3)).
package struct FileSystemSpace: Hashable, Sendable {
  /// What is left for a process without privileges.
  package var availableBytes: Int64
  package var totalBytes: Int64
  /// 0 of 0 where the file system does not count them.
  package var availableInodes: Int64
  package var totalInodes: Int64
}

extension Files {
  /// What is at `path`; nil when nothing is.
  package static func status(
    of path: String, followingLinks: Bool = true
  ) throws(SystemError) -> FileStatus? {
    var raw = stat()
    do {
      try retrying("stat", subject: path) {
        unsafe fstatat(AT_FDCWD, path, &raw, followingLinks ? 0 : AT_SYMLINK_NOFOLLOW)
      }
    } catch let error where error.code == ENOENT || error.code == ENOTDIR {
      return nil
    }
    return FileStatus(raw)
  }

  /// How full the file system is that holds `path`.
  package static func space(at path: String) throws(SystemError) -> FileSystemSpace {
    var raw = statvfs()
    try retrying("statvfs", subject: path) { unsafe statvfs(path, &raw) }
    let block = UInt64(raw.f_frsize)
    return FileSystemSpace(
      availableBytes: Int64(clamping: UInt64(raw.f_bavail) &* block),
      totalBytes: Int64(clamping: UInt64(raw.f_blocks) &* block),
      availableInodes: Int64(clamping: raw.f_favail), totalInodes: Int64(clamping: raw.f_files))
  }

  /// The names in a folder, sorted by bytes, without `.` and `..` (readdir(3)).
  package static func names(in path: String) throws(SystemError) -> [String] {
    try names(in: path) { _ in true }
  }

  /// The names of the folders in a folder of a file system that tells them apart (readdir(3)
  /// `d_type`), such as that of control groups.
  package static func folders(in path: String) throws(SystemError) -> [String] {
    try names(in: path) { $0 == UInt8(DT_DIR) }
  }

  private static func names(
    in path: String, ofType isWanted: (UInt8) -> Bool
  ) throws(SystemError) -> [String] {
    guard let folder = unsafe opendir(path) else { throw failure("opendir", errno, path) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while true {
      // readdir tells an error from the end by errno only.
      errno = 0
      guard let entry = unsafe readdir(folder) else {
        let code = errno
        if code != 0 { throw failure("readdir", code, path) }
        break
      }
      guard unsafe isWanted(entry.pointee.d_type) else { continue }
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

extension Descriptor {
  /// What the open file is (fstat(2)).
  package func status() throws(SystemError) -> FileStatus {
    var raw = stat()
    try retrying("fstat") { unsafe fstat(number, &raw) }
    return FileStatus(raw)
  }
}
