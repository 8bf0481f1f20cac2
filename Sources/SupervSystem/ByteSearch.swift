import Glibc

/// The index of the first such byte among the first `count`, or nil (memchr(3), which looks at 32
/// bytes at a time).
@inline(__always)
package func firstIndex(
  of byte: UInt8, in start: UnsafePointer<UInt8>, count: Int
) -> Int? {
  guard let found = unsafe memchr(start, Int32(byte), count) else { return nil }
  return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(start)
}
