import CBench

/// The shared file in which supervised programs note when they started.
@safe struct Board: ~Copyable {
  struct Note {
    var time: Nanoseconds
    var pid: Int32
  }

  let path: String
  private let board: OpaquePointer

  init(path: String, capacity: Int) throws(BenchError) {
    guard let board = unsafe cbench_board_create(path, UInt32(capacity)) else {
      throw BenchError("cannot create \(path)")
    }
    self.path = path
    unsafe self.board = unsafe board
  }

  deinit { unsafe cbench_board_close(board) }

  var count: Int { unsafe Int(cbench_board_count(board)) }

  func note(_ index: Int) -> Note {
    let note = unsafe cbench_board_note(board, UInt32(index))
    return Note(time: note.time, pid: note.pid)
  }

  var notes: [Note] { (0..<count).map { note($0) } }

  /// When the last of some programs started.
  func lastStart(of range: Range<Int>) -> Nanoseconds {
    range.map { note($0).time }.max() ?? 0
  }

  /// Sleeps until there are `wanted` notes, or the time is up.
  func has(_ wanted: Int, within seconds: Int64) throws(BenchError) -> Bool {
    let isThere = unsafe cbench_board_wait(
      board, UInt32(wanted), now() + seconds * 1_000_000_000)
    try checkInterrupt()
    return isThere
  }

  /// Sleeps until there are `wanted` notes.
  /// - Throws: when that takes longer than `seconds`.
  func wait(for wanted: Int, seconds: Int64) throws(BenchError) {
    if try !has(wanted, within: seconds) {
      throw BenchError("\(count) of \(wanted) programs started in \(seconds) s")
    }
  }
}
