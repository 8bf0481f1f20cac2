import SupervProtocol
import SupervSystem

/// What superv has done since it was started, by its own count.
struct SoakDone: Sendable, Encodable {
  var restarts = 0.0
  var calls = 0.0
  /// Calls that ended otherwise than with an answer.
  var failedCalls = 0.0
  var lines = 0.0
  var droppedLines = 0.0
  var failedProbes = 0.0

  private enum CodingKeys: String, CodingKey {
    case restarts, calls
    case failedCalls = "failed_calls"
    case lines
    case droppedLines = "dropped_lines"
    case failedProbes = "failed_probes"
  }

  init(_ metrics: Metrics) {
    restarts = metrics.sum("superv_agent_restarts_total")
    calls = metrics.sum("superv_calls_total")
    failedCalls = calls - metrics.sum("superv_calls_total", where: "outcome=\"ok\"")
    lines = metrics.sum("superv_agent_log_lines_total")
    droppedLines = metrics.sum("superv_agent_log_dropped_lines_total")
    failedProbes = metrics.sum("superv_agent_probe_failures_total")
  }
}

/// Looks at keeper, daemon and logger, from outside and by what the daemon says of itself.
struct SoakSampler {
  private struct Member {
    var name: String
    var process: ProcessIdentity
  }

  private let members: [Member]
  private let httpSocket: String
  private let begin = Clock.monotonicNanoseconds
  /// In the order in which they were first seen.
  private(set) var series: [Series] = []
  private var indices: [String: Int] = [:]

  /// - Throws: `CommandFailure` when one of the three is not there.
  init(daemon: DaemonStatus, httpSocket: String) throws(CommandFailure) {
    let logger = Processes.children(of: daemon.pid).first { pid in
      (try? Files.readText("/proc/\(pid)/cmdline"))?.split(separator: "\0").dropFirst().first
        == "logger"
    }
    let pids = [("keeper", daemon.keeperPID), ("daemon", daemon.pid), ("logger", logger)]
    members = try pids.map { name, pid throws(CommandFailure) in
      guard let pid, let process = ProcessIdentity.of(pid) else {
        throw .broken("the soak's \(name) is not there")
      }
      return Member(name: name, process: process)
    }
    self.httpSocket = httpSocket
  }

  /// Takes one point of every series.
  ///
  /// - Throws: `CommandFailure` when one of the three has been replaced, or does not answer.
  mutating func sample(by deadline: Deadline) throws(CommandFailure) -> SoakDone {
    let seconds = Double(Clock.monotonicNanoseconds - begin) / 1e9
    for member in members {
      guard ProcessIdentity.of(member.process.pid) == member.process else {
        throw .no("the \(member.name) (pid \(member.process.pid)) has died during the soak")
      }
      let pid = member.process.pid
      if let bytes = Self.memory(of: pid) {
        add("\(member.name) memory", .bytes, Double(bytes), at: seconds)
      }
      if let count = (try? Files.names(in: "/proc/\(pid)/fd"))?.count {
        add("\(member.name) descriptors", .count, Double(count), at: seconds)
      }
    }
    let metrics = try Metrics(from: httpSocket, by: deadline)
    for (table, count) in metrics.labelled("superv_table_entries", by: "table") {
      add("\(table)", .count, count, at: seconds)
    }
    add("journal", .bytes, metrics.sum("superv_journal_bytes"), at: seconds)
    return SoakDone(metrics)
  }

  private mutating func add(_ name: String, _ unit: Series.Unit, _ value: Double, at time: Double) {
    let index = indices[name] ?? series.count
    if index == series.count {
      series.append(Series(name, unit))
      indices[name] = index
    }
    series[index].points.append(.init(seconds: time, value: value))
  }

  /// Its proportional share of pages. Who may not see that, since superv's processes are closed to
  /// all but root, sees the pages that are its own (proc_pid_status(5)).
  private static func memory(of pid: Int32) -> Int? {
    kilobytes("Pss:", in: "/proc/\(pid)/smaps_rollup")
      ?? kilobytes("RssAnon:", in: "/proc/\(pid)/status")
  }

  private static func kilobytes(_ key: String, in path: String) -> Int? {
    let lines = (try? Files.readText(path))?.split(separator: "\n")
    let line = lines?.first { $0.hasPrefix(key) }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
  }
}

/// One answer of `/metrics`.
struct Metrics {
  private static let maximumBytes = 64 << 20
  /// Each as it is written: `name{label="value"}` and a number.
  private var samples: [(name: Substring, labels: Substring, value: Double)] = []

  init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " "), let value = Double(line[space...].dropFirst())
      else { continue }
      let name = line[..<space].prefix { $0 != "{" }
      samples.append((name, line[name.endIndex..<space], value))
    }
  }

  /// Asks superv's HTTP, over a Unix socket.
  init(from path: String, by deadline: Deadline) throws(CommandFailure) {
    do {
      let socket = try UnixSocket.connect(to: path, nonblocking: true)
      let request = "GET /metrics HTTP/1.1\r\nHost: superv\r\nConnection: close\r\n\r\n"
      _ = try socket.sendMessage(Array(request.utf8).span)
      var answer: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      while answer.count < Self.maximumBytes {
        guard try socket.wait(timeoutMilliseconds: deadline.remainingMilliseconds) else {
          throw CommandFailure.timedOut("\(path) did not answer in time")
        }
        var span = buffer.mutableSpan
        guard let count = try socket.read(into: &span) else { continue }
        if count == 0 { break }
        answer.append(contentsOf: buffer[..<count])
      }
      self.init(String(decoding: answer, as: UTF8.self))
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw .unreachable("metrics cannot be read: \(error)")
    }
  }

  /// Of all samples of a family.
  ///
  /// - Parameter label: `name="value"`, which they must have.
  func sum(_ name: String, where label: String = "") -> Double {
    samples.reduce(0) { sum, sample in
      sample.name == name && (label.isEmpty || sample.labels.contains(label))
        ? sum + sample.value : sum
    }
  }

  /// Of a family with one label, in its order.
  func labelled(_ name: String, by label: String) -> [(String, Double)] {
    samples.filter { $0.name == name }.map { sample in
      (String(sample.labels.dropFirst(label.count + 3).dropLast(2)), sample.value)
    }
  }
}
