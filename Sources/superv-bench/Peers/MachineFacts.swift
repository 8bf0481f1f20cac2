import BenchPage
import CBench

/// What it was measured on.
struct MachineFacts {
  /// By the name of the contestant.
  var versions: [String: String] = [:]
  private let processor: String
  private let memory: String
  private let kernel: String
  private let loadBefore: String

  init(_ contestants: [any Contestant], _ options: Options) {
    processor = Self.value(of: "model name", in: "/proc/cpuinfo") ?? "unknown processor"
    let kilobytes = Self.value(of: "MemTotal", in: "/proc/meminfo")?.split(separator: " ").first
    memory = (kilobytes.flatMap { Double($0) }.map { ($0 / 1e6).short } ?? "?") + " GB"
    kernel = Self.line("/proc/sys/kernel/osrelease")
    loadBefore = Self.load
    for contestant in contestants {
      versions[contestant.name] = Self.version(of: contestant, options)
    }
  }

  var sentence: String {
    """
    \(cbench_processors()) processors (\(processor)), \(memory) of memory, Linux \(kernel).
    Load average over the last minute: \(loadBefore) before, \(Self.load) after.
    """
  }

  private static var load: String {
    String(line("/proc/loadavg").split(separator: " ").first ?? "?")
  }

  private static func line(_ path: String) -> String {
    String(text(of: path)?.split(separator: "\n").first ?? "?")
  }

  private static func value(of key: String, in path: String) -> String? {
    for line in (text(of: path) ?? "").split(separator: "\n") where line.hasPrefix(key) {
      let value = line.split(separator: ":", maxSplits: 1).last ?? ""
      return value.split(separator: " ").joined(separator: " ")
    }
    return nil
  }

  private static func version(of contestant: any Contestant, _ options: Options) -> String? {
    guard var command = contestant.versionCommand.first.map({ [$0] }) else { return nil }
    command += contestant.versionCommand.dropFirst()
    command[0] = command[0] == "superv" ? options.supervPath : findProgram(command[0]) ?? ""
    guard !command[0].isEmpty, let output = try? runToEnd(command, seconds: 20).output else {
      return nil
    }
    let words = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    return words.last.map(String.init)
  }
}
