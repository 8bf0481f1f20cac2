import SupervSystem

/// The pipes behind `notify_fd`: the first newline in one says that its agent is ready.
final class NotifyPipes {
  /// What an agent may write before its newline; s6 knows no more than that newline.
  static let maximumBytes = 64 << 10

  private final class Entry {
    let key: ProcessKey
    let reader: Descriptor
    var byteCount = 0

    init(_ key: ProcessKey, _ reader: consuming Descriptor) {
      self.key = key
      self.reader = reader
    }
  }

  private var entries: [UInt64: Entry] = [:]
  private var numbers: [ProcessKey: UInt64] = [:]
  private var nextNumber: UInt64 = 1

  var count: Int { entries.count }

  private var buffer = [UInt8](repeating: 0, count: 4096)

  /// Listens to a process that is about to be started.
  ///
  /// - Returns: the end that it writes to.
  func open(_ key: ProcessKey, _ poll: borrowing EventPoll) throws(SystemError) -> Descriptor {
    let number = nextNumber
    nextNumber += 1
    return try Pipe.make().split { (reader, writer) throws(SystemError) in
      // Only this end: the agent may wait at its own.
      try reader.setNonblocking(true)
      try poll.add(reader, token: LinuxKernel.Source.notifyPipe.token(number), for: .readable)
      entries[number] = Entry(key, reader)
      numbers[key] = number
      return writer
    }
  }

  func take(_ number: UInt64, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    guard let entry = entries[number] else { return }
    var span = buffer.mutableSpan
    do {
      guard let count = try entry.reader.read(into: &span) else { return }
      entry.byteCount += count
      let isReady = buffer[..<count].contains(UInt8(ascii: "\n"))
      if isReady { events.append(.notifyDescriptor(entry.key)) }
      // A closed end means nothing by itself.
      guard isReady || count == 0 || entry.byteCount > Self.maximumBytes else { return }
    } catch {}
    close(entry.key, poll)
  }

  /// Its process has ended, or has said what there is to say.
  func close(_ key: ProcessKey, _ poll: borrowing EventPoll) {
    guard let number = numbers.removeValue(forKey: key),
      let entry = entries.removeValue(forKey: number)
    else { return }
    try? poll.remove(entry.reader)
  }
}
