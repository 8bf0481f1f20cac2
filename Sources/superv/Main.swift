import SupervCommands

@main
struct Main {
  static func main() { runProgram(CommandLine.arguments, roles: .installed) }
}
