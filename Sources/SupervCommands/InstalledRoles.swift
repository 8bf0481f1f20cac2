import SupervLogger
import SupervSystem

extension Roles {
  /// The roles that this executable has.
  package static let installed = Roles(daemon: daemonRole, logger: loggerRole)
}

/// The daemon hands the logger its end of their socket here.
private let loggerLinkDescriptor: Int32 = 3

@Sendable private func daemonRole(_ arguments: DaemonArguments) -> Int32 {
  CommandStatus.no.rawValue
}

@Sendable private func loggerRole() -> Int32 {
  do {
    try runLogger(link: Descriptor(owning: loggerLinkDescriptor))
    return CommandStatus.ok.rawValue
  } catch {
    return CommandStatus.no.rawValue
  }
}
