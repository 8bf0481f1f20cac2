import SupervSystem
import Testing

/// An agent that says `up INCARNATION` and then, for each SIGUSR1, `count` numbered lines.
///
/// After each batch it makes the file `said-NAME-INCARNATION-BATCH`.
func talker(_ name: String, count: Int, keys: String = "") -> String {
  """
  [agent:\(name)]
  command = sh talker.sh \(name) \(count)
  startsecs = 0
  \(keys)

  """
}

extension Superv {
  /// To be called before the start of a superv with talkers.
  func prepareTalkers() throws {
    try write(
      "talker.sh",
      """
      batch=0
      say() {
        batch=$((batch + 1))
        seq -f "i$SUPERV_INCARNATION b$batch %06.0f end" 1 "$2"
        : > "said-$1-$SUPERV_INCARNATION-$batch"
      }
      trap 'say "$@"' USR1
      echo "up $SUPERV_INCARNATION"
      sleep 1000 &
      while :; do wait; done
      """)
  }

  /// Has a talker say its next batch, without waiting for it.
  func ask(_ name: String) throws { try send(.user1, to: name) }

  /// Waits until a talker has said all of a batch, which may still be in its pipe.
  func waitUntilSaid(_ name: String, incarnation: Int = 1, batch: Int) throws {
    let path = "\(folder)/said-\(name)-\(incarnation)-\(batch)"
    try eventually("\(name) has said batch \(batch)") { try Files.status(of: path) != nil }
  }

  /// Waits until a talker listens.
  func waitUntilUp(_ name: String, incarnation: Int = 1, in folder: String = "state/logs") throws {
    try eventually("\(name) is up") {
      logLines(name, in: folder).contains { $0.hasSuffix("up \(incarnation)") }
    }
  }

  /// What a talker says in a batch.
  static func batch(_ number: Int, incarnation: Int = 1, count: Int) -> [String] {
    (1...count).map { line in
      let digits = String(line)
      let zeros = String(repeating: "0", count: 6 - digits.count)
      return "i\(incarnation) b\(number) \(zeros)\(digits) end"
    }
  }

  /// The lines of a log and of its rotated files, oldest first, as they are in the files.
  func logLines(_ name: String, in logs: String = "state/logs") -> [Substring] {
    logText(of: "\(name).log", in: logs).split(separator: "\n")
  }

  /// The text of a file and of its rotated ones, oldest first.
  func logText(of base: String, in logs: String = "state/logs") -> String {
    let names = (try? Files.names(in: "\(folder)/\(logs)")) ?? []
    let numbers = names.compactMap { name in
      name == base ? 0 : name.hasPrefix("\(base).") ? Int(name.dropFirst(base.count + 1)) : nil
    }
    return numbers.sorted(by: >).map { number in
      read("\(logs)/\(number == 0 ? base : "\(base).\(number)")")
    }.joined()
  }

  /// The messages of a text log, without the time, of one stream.
  func messages(
    _ name: String, _ stream: String = "out", in logs: String = "state/logs"
  ) -> [String] {
    logLines(name, in: logs).filter { $0.dropFirst(28).hasPrefix(stream) }
      .map { String($0.dropFirst(32)) }
  }

  /// Every number of the event log, in the order of the files.
  func loggedEventNumbers(in logs: String = "state/logs") throws -> [Int] {
    try logText(of: "events.ndjson", in: logs).split(separator: "\n")
      .map { try Event(json: $0).seq }
  }
}

/// Compares without showing thousands of lines that are alike.
func expectSame(
  _ found: [String], _ wanted: [String], _ what: String,
  at location: SourceLocation = #_sourceLocation
) {
  guard found != wanted else { return }
  let index = zip(found, wanted).enumerated().first { $1.0 != $1.1 }?.offset
  let place = index ?? min(found.count, wanted.count)
  Issue.record(
    """
    \(what): \(found.count) lines instead of \(wanted.count); line \(place + 1) is \
    \(found.dropFirst(place).first ?? "missing") instead of \
    \(wanted.dropFirst(place).first ?? "the end")
    """, sourceLocation: location)
}
