/// A row that grows, in memory of its own.
///
/// An array asks before each change whether somebody shares it; this is nobody else's, and asks
/// nothing. Every index is checked.
@safe struct Slab<Element: ~Copyable>: ~Copyable {
  private var memory = unsafe UnsafeMutableBufferPointer<Element>(start: nil, count: 0)
  private(set) var count = 0

  init() {}

  deinit {
    unsafe memory.extracting(..<count).deinitialize()
    unsafe memory.deallocate()
  }

  var indices: Range<Int> { 0..<count }

  subscript(index: Int) -> Element {
    @inline(__always) _read {
      check(index)
      yield unsafe memory[index]
    }
    @inline(__always) _modify {
      check(index)
      yield unsafe &memory[index]
    }
  }

  @inline(__always)
  private func check(_ index: Int) {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "outside of the slab")
  }

  mutating func append(_ element: consuming Element) {
    if unsafe count == memory.count { grow() }
    unsafe memory.initializeElement(at: count, to: element)
    count &+= 1
  }

  mutating func removeLast() -> Element {
    check(count &- 1)
    count &-= 1
    return unsafe memory.moveElement(from: count)
  }

  private mutating func grow() {
    let larger = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(16, 2 * count))
    _ = unsafe larger.moveInitialize(fromContentsOf: memory)
    unsafe memory.deallocate()
    unsafe memory = larger
  }
}

extension Slab<UInt8> {
  init(_ bytes: [UInt8]) {
    self.init()
    for byte in bytes { append(byte) }
  }

  /// Appends bytes of it to a message.
  @inline(__always)
  func append(_ part: Range<Int>, to output: inout OutputSpan<UInt8>) {
    output.append(part, of: unsafe Span(_unsafeElements: UnsafeBufferPointer(memory)))
  }
}
