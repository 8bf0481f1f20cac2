import Glibc

/// Memory that C reads during one call: made just before it, freed when this goes out of scope.
@safe struct CMemory: ~Copyable {
  private var blocks: [UnsafeMutableRawPointer] = unsafe []

  deinit {
    for index in unsafe blocks.indices { unsafe blocks[index].deallocate() }
  }

  /// A copy of the elements.
  mutating func array<Element: BitwiseCopyable>(
    _ elements: [Element]
  ) -> UnsafePointer<Element>? {
    let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
    _ = unsafe copy.initialize(from: elements)
    unsafe keep(copy.baseAddress)
    return unsafe UnsafePointer(copy.baseAddress)
  }

  /// A NUL-terminated copy.
  mutating func string(_ text: String) -> UnsafePointer<CChar>? {
    unsafe array(text.utf8.map(CChar.init(bitPattern:)) + [0])
  }

  /// The strings one after another in one block, and an array of pointers to them with NULL at
  /// its end, as execve(2) takes them.
  mutating func strings(_ texts: [String]) -> UnsafePointer<UnsafePointer<CChar>?>? {
    let size = texts.reduce(0) { $0 + $1.utf8.count + 1 }
    let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: size)
    unsafe keep(bytes.baseAddress)
    var pointers: [UnsafePointer<CChar>?] = unsafe []
    unsafe pointers.reserveCapacity(texts.count + 1)
    var position = 0
    for text in texts {
      unsafe pointers.append(bytes.baseAddress.map { unsafe UnsafePointer($0 + position) })
      for byte in text.utf8 {
        unsafe bytes[position] = CChar(bitPattern: byte)
        position += 1
      }
      unsafe bytes[position] = 0
      position += 1
    }
    unsafe pointers.append(nil)
    return unsafe array(pointers)
  }

  private mutating func keep(_ block: UnsafeMutableRawPointer?) {
    if let block = unsafe block { unsafe blocks.append(block) }
  }
}
