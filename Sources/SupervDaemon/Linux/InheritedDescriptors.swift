import SupervSystem

/// What was open before this daemon began; whatever nobody takes is closed with it.
final class InheritedDescriptors {
  private final class Entry {
    let name: String
    let process: Int32?
    var descriptor: Descriptor?

    init(_ given: InheritedDescriptor) {
      name = given.name
      process = given.process
      descriptor = Descriptor(owning: given.number)
    }
  }

  private let entries: [Entry]

  init(_ given: [InheritedDescriptor]) { entries = given.map { Entry($0) } }

  func take(_ name: String) -> Descriptor? {
    entries.first { $0.name == name }?.descriptor.take()
  }

  /// The pidfd of a process that the daemon before has watched and nobody here can reap.
  func take(process pid: Int32) -> Descriptor? {
    entries.first { $0.process == pid }?.descriptor.take()
  }
}
