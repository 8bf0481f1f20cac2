import SupervDaemon
import SupervKeeper
import SupervLogger
import SupervProtocol
import SupervSystem

extension Roles {
  /// The roles that this executable has.
  package static let installed = Roles(
    keeper: keeperRole, daemon: daemonRole, logger: loggerRole)
}

/// The daemon hands the logger its end of their socket here, and the one that it listens on.
private let loggerLinkDescriptor: Int32 = 3
private let loggerDoorDescriptor: Int32 = 4

@Sendable private func daemonRole(_ arguments: DaemonArguments) -> Int32 {
  runDaemon(arguments.start) { problem in announce(problem, to: arguments.readyDescriptor) }
}

@Sendable private func keeperRole(_ arguments: DaemonArguments) -> Int32 {
  let start = arguments.start
  guard let directory = start.runtimeDirectory else { return CommandStatus.usage.rawValue }
  var words = ["daemon", "--config", start.configurationPath, "--runtime-dir", directory]
  if let folder = start.workingFolder { words += ["--directory", folder] }
  if start.mirrorsOutput { words.append("--mirror") }
  var settings = KeeperSettings(daemonArguments: words, runtimeDirectory: directory)
  settings.readyDescriptor = arguments.readyDescriptor
  settings.lockDescriptor = start.lockDescriptor
  settings.inherited = start.inherited
  do {
    return try Keeper(settings).run()
  } catch {
    announce("\(error)", to: arguments.readyDescriptor)
    return CommandStatus.no.rawValue
  }
}

/// Tells whoever started the daemon how that went: one line, or in the foreground only what went
/// wrong.
private func announce(_ problem: String?, to number: Int32?) {
  guard let number else {
    if let problem { StandardError.write("superv: \(problem)\n") }
    return
  }
  var line = Array((problem == nil ? #"{"ready":true"# : #"{"error":"#).utf8)
  if let problem { JSON.append(problem, to: &line) }
  line += Array("}\n".utf8)
  // Whoever started it may have gone: then nobody wants to know.
  try? Descriptor(owning: number).writeAll(line.span)
}

@Sendable private func loggerRole() -> Int32 {
  do {
    try runLogger(
      link: Descriptor(owning: loggerLinkDescriptor),
      listener: Descriptor(owning: loggerDoorDescriptor))
    return CommandStatus.ok.rawValue
  } catch {
    return CommandStatus.no.rawValue
  }
}
