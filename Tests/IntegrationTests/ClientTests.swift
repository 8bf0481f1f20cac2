import Foundation
import SupervSystem
import Testing

/// The clients of other languages: each one's own tests, and all of them against this superv.
@Suite(.serialized, .aside) struct ClientTests {
  @Test func thePythonClientPassesItsTests() throws {
    try run(["python3", "-m", "unittest", "discover", "clients/python/tests"], needs: "python3")
  }

  @Test func theNodeClientPassesItsTests() throws {
    try run(["node", "--test", "clients/node/test/agent.test.mjs"], needs: "node")
  }

  @Test(arguments: ["python", "asyncio", "node", "shell"])
  func theClientConforms(_ name: String) throws {
    let program = name == "node" ? "node" : "python3"
    try run(conformance(of: name), needs: program)
  }

  @Test func theSwiftClientConforms() throws {
    let subject = Files.parent(of: Superv.executable) + "/superv-conformance-subject"
    let manifest = try Files.readText("\(repositoryFolder)/Package.swift")
    guard manifest.contains("\"superv-conformance-subject\"") else {
      return notTested("the Swift client", because: "Package.swift has no subject for it")
    }
    try run(conformance(of: "swift") + ["--swift", subject], needs: "python3")
  }

  private func conformance(of name: String) -> [String] {
    ["python3", "clients/conformance/run.py", "--superv", Superv.executable, "--only", name]
  }

  /// Runs a program at the top of the repository; it has to succeed, and bounds itself.
  private func run(_ words: [String], needs program: String) throws {
    let environment = ProcessInfo.processInfo.environment
    let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    guard path.split(separator: ":").contains(where: { isProgram("\($0)/\(program)") }) else {
      return notTested(words.joined(separator: " "), because: "\(program) is not here")
    }
    let scratch = FileManager.default.temporaryDirectory
      .appending(path: "sv-client-\(UInt32.random(in: 0 ... .max))").path
    defer { for file in [scratch, "\(scratch).err"] { _ = try? Files.remove(file) } }
    let command = try Command(
      words, output: scratch, directory: repositoryFolder,
      environment: ["PATH=\(path)", "PYTHONDONTWRITEBYTECODE=1"], as: nil)
    defer { clear(command) }
    let answer = try command.end(withinSeconds: 600)
    let report = "\(answer.output.suffix(20_000))\n\(answer.errors.suffix(20_000))"
    #expect(answer.code == 0, "\(words.joined(separator: " "))\n\(report)")
  }

  /// Lets one that is late clear up after itself before it is killed.
  private func clear(_ command: Command) {
    _ = try? command.send(.terminate)
    _ = try? command.end()
    command.clear()
  }

  private func isProgram(_ path: String) -> Bool {
    (try? Files.status(of: path)) != nil
  }
}
