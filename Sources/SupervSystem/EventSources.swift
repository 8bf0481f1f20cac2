import CSuperv
import Glibc

/// A timer that becomes readable at a point of `Clock.monotonicNanoseconds` (timerfd_create(2)).
package struct TimerDescriptor: ~Copyable {
  package let descriptor: Descriptor

  package init() throws(SystemError) {
    descriptor = Descriptor(owning: try retrying("timerfd_create") { csv_timer_create() })
  }

  /// Sets the one point in time at which it fires; a point that is past fires at once.
  package func arm(atNanoseconds deadline: Int64) throws(SystemError) {
    // Zero would disarm it.
    try retrying("timerfd_settime") { csv_timer_arm(descriptor.number, max(deadline, 1)) }
  }

  package func disarm() throws(SystemError) {
    try retrying("timerfd_settime") { csv_timer_arm(descriptor.number, 0) }
  }

  /// Makes it unreadable again; false when it had not fired.
  @discardableResult
  package func acknowledge() throws(SystemError) -> Bool {
    try readCounter(descriptor) != nil
  }
}

/// A counter that wakes a loop up (eventfd(2)); any thread may raise it.
package struct EventCounter: ~Copyable, Sendable {
  package let descriptor: Descriptor

  package init() throws(SystemError) {
    descriptor = Descriptor(owning: try retrying("eventfd") { csv_event_counter() })
  }

  package func raise() throws(SystemError) {
    var one: UInt64 = 1
    // Would-block means that the counter is full: then it is readable anyway.
    _ = try unlessItWouldBlock("write") { unsafe write(descriptor.number, &one, 8) }
  }

  /// How often it was raised since the last time, which may be 0.
  package func take() throws(SystemError) -> UInt64 { try readCounter(descriptor) ?? 0 }
}

private func readCounter(_ descriptor: borrowing Descriptor) throws(SystemError) -> UInt64? {
  var value: UInt64 = 0
  let count = try unlessItWouldBlock("read") { unsafe read(descriptor.number, &value, 8) }
  return count == nil ? nil : value
}

/// Signals as something to read (signalfd(2)). A spawned process gets an empty mask all the same.
package struct SignalDescriptor: ~Copyable {
  /// A signal that came, and from whom.
  package struct Arrival: Hashable, Sendable {
    package var signal: Signal
    /// The sender as the kernel knows it; 0 when it is the kernel itself.
    package var senderProcess: Int32
    package var senderUser: UInt32

    package init(signal: Signal, senderProcess: Int32, senderUser: UInt32) {
      self.signal = signal
      self.senderProcess = senderProcess
      self.senderUser = senderUser
    }
  }

  package let descriptor: Descriptor

  /// Blocks the signals in this thread, and so in every thread it starts later, and makes them
  /// readable here. They stay blocked when the descriptor is gone.
  package init(_ signals: [Signal]) throws(SystemError) {
    let mask = Signal.mask(signals)
    try retrying("sigprocmask") { csv_block_signals(mask) }
    descriptor = Descriptor(owning: try retrying("signalfd") { csv_signal_descriptor(mask) })
  }

  /// The next signal, or nil when there is none. Standard signals that came several times are
  /// one: SIGCHLD says "look", not how many.
  package func next() throws(SystemError) -> Arrival? {
    var record = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    let count = try unlessItWouldBlock("read") { unsafe read(descriptor.number, &record, size) }
    if count == nil { return nil }
    return Arrival(
      signal: Signal(Int32(record.ssi_signo)), senderProcess: Int32(record.ssi_pid),
      senderUser: record.ssi_uid)
  }
}
