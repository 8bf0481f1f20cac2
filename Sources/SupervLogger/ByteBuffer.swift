/// A growing run of bytes with one owner, for the paths where an array's checks would be felt.
///
/// Nothing here is checked in the inner loop: `reserve` first, then append within what was
/// reserved. It is allocated at its first `reserve` and freed by `free` or with its owner.
@safe
final class ByteBuffer {
  private(set) var base: UnsafeMutablePointer<UInt8>?
  private(set) var capacity = 0
  var count = 0

  init() {}

  init(capacity: Int) {
    reserve(capacity)
  }

  deinit { unsafe base?.deallocate() }

  var isEmpty: Bool { count == 0 }

  /// The bytes so far. Valid until the next `reserve` or `free`.
  var bytes: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: base, count: count) }

  /// Where the next byte goes. Only after a `reserve`.
  @inline(__always)
  var end: UnsafeMutablePointer<UInt8> { unsafe base.unsafelyUnwrapped + count }

  /// Behind the last byte that is allocated.
  var limit: UnsafeMutablePointer<UInt8> { unsafe base.unsafelyUnwrapped + capacity }

  /// Takes over what was written at `end`, up to the given place.
  func setEnd(_ end: UnsafeMutablePointer<UInt8>) {
    count = unsafe end - base.unsafelyUnwrapped
    assert(count <= capacity, "written past what was reserved")
  }

  /// Makes room for so many more bytes, at least doubling when it has to move.
  func reserve(_ extra: Int) {
    let needed = count + extra
    guard needed > capacity else { return }
    let grown = max(needed, capacity * 2, 64)
    let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
    if let old = unsafe base {
      unsafe moved.update(from: old, count: count)
      unsafe old.deallocate()
    }
    unsafe base = moved
    capacity = grown
  }

  /// Takes bytes away from the front.
  func removeFirst(_ length: Int) {
    guard length > 0, length < count, let base = unsafe base else {
      if length > 0 { count = 0 }
      return
    }
    count -= length
    unsafe UnsafeMutableRawPointer(base).copyMemory(from: base + length, byteCount: count)
  }

  /// Gives the memory back.
  func free() {
    unsafe base?.deallocate()
    unsafe base = nil
    capacity = 0
    count = 0
  }

  /// Appends within what was reserved.
  private func appendReserved(_ source: UnsafePointer<UInt8>, count length: Int) {
    unsafe UnsafeMutableRawPointer(end).copyMemory(from: source, byteCount: length)
    count &+= length
  }

  func append(_ source: UnsafeBufferPointer<UInt8>) {
    guard let start = source.baseAddress, source.count > 0 else { return }
    reserve(source.count)
    unsafe appendReserved(start, count: source.count)
  }

  func append(_ array: [UInt8]) {
    unsafe array.withUnsafeBufferPointer { unsafe append($0) }
  }

  func append(_ text: StaticString) {
    guard text.utf8CodeUnitCount > 0 else { return }
    reserve(text.utf8CodeUnitCount)
    unsafe appendReserved(text.utf8Start, count: text.utf8CodeUnitCount)
  }
}
