import SupervConfig
import SupervProtocol

@Sendable func runHelp(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  if invocation.has("man") {
    session.console.write(manualPage())
  } else if let name = invocation.operands.first {
    guard let command = commandTable.first(where: { $0.name == name }) else {
      let known = nearestName(to: name, among: visibleCommands.map(\.name))
      throw .usage("unknown command '\(name)'" + (known.map { "; did you mean '\($0)'?" } ?? ""))
    }
    session.console.write(helpText(of: command))
  } else {
    session.console.write(overviewText())
  }
  return .ok
}

@Sendable func runCompletion(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  session.console.write(completionScript(for: invocation.operands[0]))
  return .ok
}

@Sendable func runVersion(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  runVersion(in: session, json: invocation.has("json"))
}

private struct VersionReport: Encodable {
  var version = supervVersion
}

func runVersion(in session: Session, json: Bool) -> CommandStatus {
  if json {
    session.console.write(json: VersionReport())
  } else {
    session.console.write("superv \(supervVersion)\n")
  }
  return .ok
}
