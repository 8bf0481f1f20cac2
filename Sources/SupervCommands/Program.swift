import SupervSystem

/// The whole program: reads this process's arguments and environment, writes to its standard
/// output and error, and ends with its exit status.
///
/// - Parameters:
///   - arguments: As main(3) gets them, the program's name first.
///   - roles: What `run` and the hidden roles `daemon` and `logger` do.
package func runProgram(_ arguments: [String], roles: Roles) -> Never {
  Surroundings.exit(status(of: arguments, roles))
}

private func status(of arguments: [String], _ roles: Roles) -> Int32 {
  do {
    try Surroundings.openMissingStandardDescriptors()
    // A reader that goes away is an error of write(2), not the end of this process.
    try Signal.pipe.ignore()
  } catch {
    return CommandStatus.no.rawValue
  }
  let environment = Surroundings.environment
  let output = StandardStream(1)
  let errors = StandardStream(2)
  let console = Console(
    style: terminalStyle(environment), output: output.write, errors: errors.write)
  console.showsProgress = Surroundings.isTerminal(2)
  let session = Session(environment: environment, console: console, roles: roles)
  return runCommandLine(Array(arguments.dropFirst()), in: session)
}

/// Colors on a terminal that has them, unless NO_COLOR is set (no-color.org).
private func terminalStyle(_ environment: [String: String]) -> Style {
  guard Surroundings.isTerminal(1) else { return Style() }
  let refuses = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
  return Style(
    usesColor: !refuses && environment["TERM"] != "dumb",
    width: Surroundings.terminalColumns(1))
}

/// Standard output or standard error: open for as long as the process runs.
private final class StandardStream {
  private let descriptor: Descriptor

  init(_ number: Int32) { descriptor = Descriptor(owning: number) }

  func write(_ bytes: Span<UInt8>) throws(SystemError) { try descriptor.writeAll(bytes) }
}
