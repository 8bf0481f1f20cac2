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
    let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: text.utf8.count + 1)
    unsafe keep(bytes.baseAddress)
    _ = unsafe copy(text, to: bytes)
    return unsafe UnsafePointer(bytes.baseAddress)
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
      position += unsafe copy(text, to: UnsafeMutableBufferPointer(rebasing: bytes[position...]))
    }
    unsafe pointers.append(nil)
    return unsafe array(pointers)
  }

  /// - Returns: how many bytes that took, the NUL included.
  private func copy(_ text: String, to bytes: UnsafeMutableBufferPointer<CChar>) -> Int {
    var text = text
    return text.withUTF8 { characters in
      let end = unsafe bytes.withMemoryRebound(to: UInt8.self) {
        unsafe $0.update(fromContentsOf: characters)
      }
      unsafe bytes[end] = 0
      return end + 1
    }
  }

  private mutating func keep(_ block: UnsafeMutableRawPointer?) {
    if let block = unsafe block { unsafe blocks.append(block) }
  }
}
