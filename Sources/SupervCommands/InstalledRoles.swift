import SupervDaemon
import SupervLogger
import SupervProtocol
import SupervSystem

extension Roles {
  /// The roles that this executable has.
  package static let installed = Roles(daemon: daemonRole, logger: loggerRole)
}

/// The daemon hands the logger its end of their socket here.
private let loggerLinkDescriptor: Int32 = 3

/// What `start` reads from the ready pipe.
private struct Announcement: Encodable {
  var ready: Bool
  var error: String?
}

@Sendable private func daemonRole(_ arguments: DaemonArguments) -> Int32 {
  runDaemon(
    configurationPath: arguments.configurationPath, mirrorsOutput: arguments.mirrorsOutput
  ) { problem in
    let announcement = Announcement(ready: problem == nil, error: problem)
    if let number = arguments.readyDescriptor {
      let line = JSON.encode(announcement) + [UInt8(ascii: "\n")]
      // When start has gone away meanwhile, the daemon serves all the same.
      try? Descriptor(owning: number).writeAll(line.span)
    } else if let problem {
      StandardError.write("superv: \(problem)\n")
    }
  }
}

@Sendable private func loggerRole() -> Int32 {
  do {
    try runLogger(link: Descriptor(owning: loggerLinkDescriptor))
    return CommandStatus.ok.rawValue
  } catch {
    StandardError.write("superv: logger: \(error)\n")
    return CommandStatus.no.rawValue
  }
}
