import Glibc

/// An agent in Swift: says every so many seconds that it is there, and ends in order when superv
/// asks it to.
@main
enum Ticker {
  static func main() {
    guard let seconds = CommandLine.arguments.dropFirst().first.flatMap({ Int($0) }), seconds > 0
    else {
      say("usage: ticker SECONDS")
      // EX_CONFIG: superv does not restart what was called the wrong way.
      exit(78)
    }
    var stopSignals = sigset_t()
    sigemptyset(&stopSignals)
    sigaddset(&stopSignals, SIGTERM)
    sigaddset(&stopSignals, SIGINT)
    // Blocked, so that they are taken by the wait below and interrupt nothing.
    sigprocmask(SIG_BLOCK, &stopSignals, nil)

    say("ticking every \(seconds) s, as incarnation \(variable("SUPERV_INCARNATION"))")
    var tick = 0
    var pause = timespec(tv_sec: seconds, tv_nsec: 0)
    while sigtimedwait(&stopSignals, nil, &pause) < 0 {
      tick += 1
      say("tick \(tick)")
    }
    say("stopping after \(tick) ticks")
  }

  /// One line for `superv logs`, at once: what goes to a pipe is buffered otherwise.
  private static func say(_ text: String) {
    print(text)
    fflush(nil)
  }

  private static func variable(_ name: String) -> String {
    getenv(name).map { String(cString: $0) } ?? "?"
  }
}
