import CSuperv
import Glibc

/// Waits for many descriptors at once (epoll(7)).
///
/// A token says which registration an event belongs to; with a generation in it, an event for a
/// descriptor that was closed and whose number is another's by now can be told and dropped.
package struct EventPoll: ~Copyable {
  /// What a descriptor can be waited for, and what it turned out to be.
  package struct Readiness: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Self(rawValue: EPOLLIN.rawValue)
    package static let writable = Self(rawValue: EPOLLOUT.rawValue)
    /// Something exceptional: `cgroup.events` changed, out-of-band data.
    package static let priority = Self(rawValue: EPOLLPRI.rawValue)
    /// The peer has closed its writing half.
    package static let peerClosed = Self(rawValue: EPOLLRDHUP.rawValue)
    /// Always reported. A pidfd: somebody has reaped the process.
    package static let hangUp = Self(rawValue: EPOLLHUP.rawValue)
    /// Always reported.
    package static let error = Self(rawValue: EPOLLERR.rawValue)
    /// Only asked for: report a change once, not a state every time.
    package static let edgeTriggered = Self(rawValue: EPOLLET.rawValue)

    // What every event is asked, without the generic code behind `contains`.
    package var isWritable: Bool { rawValue & EPOLLOUT.rawValue != 0 }
    /// Readable, or at an end that a read tells about.
    package var isWorthReading: Bool {
      rawValue & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
    }
  }

  package struct Event: Hashable, Sendable {
    package var token: UInt64
    package var readiness: Readiness

    package init(token: UInt64, readiness: Readiness) {
      self.token = token
      self.readiness = readiness
    }
  }

  /// At most so many events come back from one `wait`.
  package static let batch = 128

  private let descriptor: Descriptor

  package init() throws(SystemError) {
    descriptor = Descriptor(owning: try retrying("epoll_create1") { csv_epoll_create() })
  }

  package func add(
    _ watched: borrowing Descriptor, token: UInt64, for interest: Readiness
  ) throws(SystemError) {
    try control(EPOLL_CTL_ADD, watched.number, token, interest)
  }

  package func change(
    _ watched: borrowing Descriptor, token: UInt64, for interest: Readiness
  ) throws(SystemError) {
    try control(EPOLL_CTL_MOD, watched.number, token, interest)
  }

  /// Closing a descriptor removes it only when no duplicate of it is open anywhere: remove first.
  package func remove(_ watched: borrowing Descriptor) throws(SystemError) {
    try control(EPOLL_CTL_DEL, watched.number, 0, [])
  }

  private func control(
    _ operation: Int32, _ number: Int32, _ token: UInt64, _ interest: Readiness
  ) throws(SystemError) {
    var event = unsafe epoll_event(
      events: interest.rawValue, data: epoll_data_t(u64: token))
    try retrying("epoll_ctl") { unsafe epoll_ctl(descriptor.number, operation, number, &event) }
  }

  /// Waits for events and puts them into `events`, whose storage is used again.
  ///
  /// - Parameter timeoutMilliseconds: nil waits for ever. `events` is empty when the time is up or
  ///   a signal handler ran.
  package func wait(
    _ events: inout [Event], timeoutMilliseconds: Int32? = nil
  ) throws(SystemError) {
    events.removeAll(keepingCapacity: true)
    let code = unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.batch) {
      (buffer) -> Int32 in
      let count = unsafe epoll_wait(
        descriptor.number, buffer.baseAddress, Int32(Self.batch), timeoutMilliseconds ?? -1)
      if count < 0 { return errno }
      for index in 0..<Int(count) {
        let event = unsafe buffer[index]
        let readiness = unsafe Readiness(rawValue: event.events)
        events.append(unsafe Event(token: event.data.u64, readiness: readiness))
      }
      return 0
    }
    if code != 0 && code != EINTR { throw failure("epoll_wait", code) }
  }
}
