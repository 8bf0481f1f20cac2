import SupervSystem

/// The keeper above this daemon, what it is to reap, and what to do when it has died.
final class KeeperWatch {
  /// So many pids fit into a packet.
  private static let packetPids = 256

  let link: KeeperLink
  private let died: ([InheritedDescriptor]) -> Void
  private var isServing = false
  /// Children of the keeper that it must not reap yet, until it knows them.
  private var spared: [Int32] = []
  /// What it is to reap now.
  private var reaped: [Int32] = []
  /// What the service manager is to hear, and the link did not take.
  private var unsaid: [String] = []

  /// - Parameter died: told of the processes that nobody here can reap any more. Returns only when
  ///   there is no other way than to go on alone.
  init(_ link: KeeperLink, died: @escaping ([InheritedDescriptor]) -> Void) {
    self.link = link
    self.died = died
  }

  /// The keeper leaves the end of this process for whoever comes after this daemon, until `reap`.
  func spare(_ pid: Int32) { spared.append(pid) }

  /// The end of a process that was spared is in the journal.
  func reap(_ pid: Int32) { reaped.append(pid) }

  /// Has it tell the service manager something.
  func notify(_ assignments: String) {
    unsaid.append(assignments)
    speak()
  }

  private func speak() {
    while let first = unsaid.first, link.send(KeeperRequest.notify(first).words) {
      unsaid.removeFirst()
    }
  }

  /// Whether something waits until the link takes it.
  var hasUnsaid: Bool { !isServing || !spared.isEmpty || !reaped.isEmpty || !unsaid.isEmpty }

  /// Tells the keeper what it does not know; first of all what to spare, since from then on that
  /// this daemon serves it reaps. What the link does not take waits for the next turn.
  func serve() {
    while !spared.isEmpty {
      let pids = Array(spared.prefix(Self.packetPids))
      guard link.send(KeeperRequest.spare(pids: pids).words) else { return }
      spared.removeFirst(pids.count)
    }
    if !isServing { isServing = link.send(KeeperRequest.serving.words) }
    speak()
    while isServing, let pid = reaped.first, link.send(KeeperRequest.reap(pid: pid).words) {
      reaped.removeFirst()
    }
  }

  /// - Parameter strangers: the processes of which the keeper is the parent.
  func take(_ strangers: () -> [InheritedDescriptor], _ poll: borrowing EventPoll) {
    while true {
      switch link.receive() {
      case .nothing: return
      // A keeper of an earlier version tells what it reaps.
      case .words: break
      case .ended:
        died(strangers())
        try? poll.remove(link.socket)
        return
      }
    }
  }
}
