import SupervSystem

/// What superv says to the service manager above it. All of it goes through the keeper, the process
/// that the manager knows: it need not listen to any other.
final class ManagerVoice {
  /// How long another daemon may take to come to serve until the keeper no longer answers for it.
  private static let patience: Int64 = 60_000_000_000
  private static let retryDelay: Int64 = 50_000_000
  private static let mostWaiting = 64

  private let manager: ServiceManager
  /// What the manager had no room for, in order.
  private var waiting: [String] = []
  private var retryAt: Int64?
  /// When to say that superv is alive in the place of a daemon; nil while one serves.
  private var keepAliveAt: Int64?
  private var standsInUntil: Int64 = 0

  init(_ manager: ServiceManager) { self.manager = manager }

  func tell(_ assignments: String) {
    // One that takes nothing for so long does not miss what is more.
    if waiting.count < Self.mostWaiting { waiting.append(assignments) }
    flush()
  }

  /// When `advance` has something to do, on the monotonic clock.
  var due: Int64? { [retryAt, keepAliveAt].compactMap(\.self).min() }

  /// A daemon is missing that could say that it turns; the keeper brings another one.
  func standIn() {
    standsInUntil = Clock.monotonicNanoseconds + Self.patience
    if manager.keepAliveNanoseconds != nil { keepAliveAt = Clock.monotonicNanoseconds }
    advance()
  }

  /// A daemon speaks for itself from now on.
  func daemonServes() { keepAliveAt = nil }

  func advance() {
    let now = Clock.monotonicNanoseconds
    if let at = keepAliveAt, at <= now, let interval = manager.keepAliveNanoseconds {
      // A daemon that hangs before it serves is as dead as one that hangs while it does.
      keepAliveAt = now < standsInUntil ? now + interval : nil
      tell("WATCHDOG=1")
    } else if let at = retryAt, at <= now {
      flush()
    }
  }

  private func flush() {
    while let first = waiting.first, manager.tell(first) { waiting.removeFirst() }
    retryAt = waiting.isEmpty ? nil : Clock.monotonicNanoseconds + Self.retryDelay
  }
}
