import SupervSystem

/// The keeper above this daemon, and what to do when it has died.
final class KeeperWatch {
  let link: KeeperLink
  private let died: () -> Void
  private var isServing = false

  init(_ link: KeeperLink, died: @escaping () -> Void) {
    self.link = link
    self.died = died
  }

  /// From now on the keeper tells what it reaps.
  func serve() {
    guard !isServing else { return }
    isServing = link.send(KeeperRequest.serving.words)
  }

  func take(_ processes: ProcessTable, _ poll: borrowing EventPoll) {
    while true {
      switch link.receive() {
      case .nothing: return
      case .words(let words):
        if let news = KeeperNews(words: words) { processes.learn(news) }
      case .ended:
        // Only returns when there is no other way than to go on alone.
        died()
        try? poll.remove(link.socket)
        return
      }
    }
  }
}
