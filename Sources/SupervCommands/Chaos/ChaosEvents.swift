import SupervChaos
import SupervProtocol
import SupervSystem

// Events that were told while nobody here was connected.

extension ChaosRun {
  /// How long the logger may take to write what it was given.
  private static var filePatienceSeconds: Double { 2 }

  /// The answer to `events`: what the daemon holds. What is older is in the event log's files.
  func takeEvents(_ line: ReceivedLine) {
    guard let report = try? line.decode(EventsReport.self, from: line.message.result) else {
      return
    }
    guard events.nextSequence != nil else {
      return events.begin(snapshot.status, nextSequence: report.nextSeq)
    }
    let oldest = report.events.first?.seq ?? report.nextSeq
    let deadline = now + Self.filePatienceSeconds
    while let next = events.nextSequence, next < oldest, now < deadline {
      for event in eventsInFiles(from: next, to: oldest) { take(event) }
      if events.nextSequence == next { pause(milliseconds: 20) }
    }
    for event in report.events { take(event) }
  }

  private func eventsInFiles(from first: Int64, to end: Int64) -> [EventRecord] {
    var found: [EventRecord] = []
    for path in rotatedFiles(of: eventsPath) {
      guard let content = try? Files.read(path, maximumBytes: .max) else { continue }
      for line in content.split(separator: UInt8(ascii: "\n")) {
        guard let number = Self.sequence(of: line), (first..<end).contains(number),
          let event = try? JSON.decode(EventRecord.self, from: Array(line).span)
        else { continue }
        found.append(event)
      }
    }
    return found.sorted { $0.seq < $1.seq }
  }

  /// `{"seq":34,…`: most lines need not be taken apart.
  private static func sequence(of line: ArraySlice<UInt8>) -> Int64? {
    let head = Array(#"{"seq":"#.utf8)
    guard line.starts(with: head) else { return nil }
    let digits = line.dropFirst(head.count).prefix { (48...57).contains($0) }
    return Int64(String(decoding: digits, as: UTF8.self))
  }
}
