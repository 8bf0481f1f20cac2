import Glibc
import SupervAgent

/// An agent in Swift: ticks every so many seconds, tells others how often it has, and ends in order
/// when superv asks it to.
@main
enum Ticker {
  static func main() async throws {
    guard let seconds = CommandLine.arguments.dropFirst().first.flatMap({ Int($0) }), seconds > 0
    else {
      say("usage: ticker SECONDS")
      // EX_CONFIG: superv does not restart what was called the wrong way.
      exit(78)
    }
    let counter = Counter()
    let agent = Agent()
    // For `superv call fast ticks`.
    await agent.handle("ticks") { (_: JSONValue, _) in await counter.ticks }
    try await agent.start()
    await agent.ready()

    say("ticking every \(seconds) s")
    let ticking = Task {
      while await agent.running {
        try await Task.sleep(for: .seconds(seconds))
        let tick = await counter.next()
        await agent.heartbeat(progress: tick)
        say("tick \(tick)")
      }
    }
    // Until superv asks it to stop; meanwhile pings are answered and handlers run.
    try await agent.run()
    ticking.cancel()
    say("stopping after \(await counter.ticks) ticks")
  }

  /// One line for `superv logs`, at once: what goes to a pipe is buffered otherwise.
  private static func say(_ text: String) {
    print(text)
    fflush(nil)
  }
}

private actor Counter {
  private(set) var ticks = 0

  func next() -> Int {
    ticks += 1
    return ticks
  }
}
