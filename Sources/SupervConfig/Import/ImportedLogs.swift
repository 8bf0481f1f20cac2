/// How much of the agents' output is kept: as much as supervisord kept of each file.
struct ImportedLogs {
  private struct Rotation: Hashable {
    var maximumBytes: Int64
    var maximumFiles: Int
  }

  /// For most agents; nil: superv's own.
  private var common: Rotation?
  private var totalBytes: Int64 = 0

  init(_ agents: [ImportedAgent]) {
    var counts: [(rotation: Rotation, count: Int)] = []
    for rotation in agents.flatMap(\.programs).compactMap(Self.rotation) {
      let (size, overflows) = rotation.maximumBytes.multipliedReportingOverflow(
        by: Int64(rotation.maximumFiles + 1))
      totalBytes = min(Self.maximumTotal, totalBytes + (overflows ? Self.maximumTotal : size))
      if let index = counts.firstIndex(where: { $0.rotation == rotation }) {
        counts[index].count += 1
      } else {
        counts.append((rotation, 1))
      }
    }
    // Of two that are as frequent the first one.
    common = counts.reversed().max { $0.count < $1.count }?.rotation
  }

  private static let maximumTotal: Int64 = 1 << 50

  /// Of the file with the most room; nil: its output went to no file.
  private static func rotation(of program: SupervisordProgram) -> Rotation? {
    let streams = [program.output, program.errors].filter { stream in
      switch stream.file {
      case .path(let path): !path.hasPrefix("/dev/")
      case .automatic: true
      case .none: false
      }
    }
    let rotations = streams.map { stream in
      Rotation(
        // 0 is without a limit.
        maximumBytes: stream.maximumBytes <= 0
          ? 1 << 40 : min(max(4096, Int64(stream.maximumBytes)), 1 << 40),
        maximumFiles: min(max(0, stream.backups), 1000))
    }
    return rotations.max { $0.maximumBytes < $1.maximumBytes }
  }

  /// The keys of `[superv]`.
  func write(to file: inout ConfigurationText) {
    guard let common else { return }
    let usual = LogSettings()
    if common.maximumBytes != usual.maximumBytes {
      file.key("log_max_size", sizeText(common.maximumBytes))
    }
    if common.maximumFiles != usual.maximumFiles {
      file.key("log_files", String(common.maximumFiles))
    }
    let gigabytes = (totalBytes + (1 << 30) - 1) >> 30
    if gigabytes > 1 { file.key("log_total_max", sizeText(gigabytes << 30)) }
  }

  /// Those of an agent, where they are others.
  func write(of agent: ImportedAgent, to file: inout ConfigurationText) {
    let rotations = agent.programs.compactMap(Self.rotation)
    guard let common, let own = rotations.max(by: { $0.maximumBytes < $1.maximumBytes }) else {
      return
    }
    if own.maximumBytes != common.maximumBytes {
      file.key("log_max_size", sizeText(own.maximumBytes))
    }
    if own.maximumFiles != common.maximumFiles {
      file.key("log_files", String(own.maximumFiles))
    }
  }
}
