import Foundation
import SupervCommands
import SupervProtocol
import SupervSystem
import Testing

/// One run of the command line with everything it wrote.
struct Run: Equatable {
  var status: Int32
  var output: String
  var errors: String
}

/// Runs a command line in this process. Nothing outside is touched but what the words name.
func run(
  _ words: String..., environment: [String: String] = ["XDG_RUNTIME_DIR": "/nonexistent"],
  style: Style = Style(),
  roles: Roles = Roles(keeper: { _ in 0 }, daemon: { _ in 0 }, logger: { 0 }),
  executable: String = "/nonexistent/superv"
) -> Run {
  run(
    words: words, environment: environment, style: style, roles: roles, executable: executable)
}

/// - Parameters:
///   - closesOutput: Whether standard output is a pipe that nobody reads any more.
///   - input: What there is on standard input.
func run(
  words: [String], environment: [String: String] = ["XDG_RUNTIME_DIR": "/nonexistent"],
  style: Style = Style(),
  roles: Roles = Roles(keeper: { _ in 0 }, daemon: { _ in 0 }, logger: { 0 }),
  executable: String = "/nonexistent/superv", closesOutput: Bool = false, input: String = ""
) -> Run {
  let written = Written()
  let console = Console(
    style: style,
    output: { (span) throws(SystemError) in
      if closesOutput { throw SystemError("write", code: EPIPE) }
      written.output += bytes(of: span)
    },
    errors: { written.errors += bytes(of: $0) })
  console.readInput = { _ in Array(input.utf8) }
  var session = Session(environment: environment, console: console, roles: roles)
  session.executable = executable
  let status = runCommandLine(words, in: session)
  return Run(
    status: status, output: String(decoding: written.output, as: UTF8.self),
    errors: String(decoding: written.errors, as: UTF8.self))
}

private final class Written {
  var output: [UInt8] = []
  var errors: [UInt8] = []
}

private func bytes(of span: Span<UInt8>) -> [UInt8] { (0..<span.count).map { span[$0] } }

/// The folder `Tests`. Goldens and fixtures lie outside of the test targets: SwiftPM would warn
/// about every file there that is no source.
let testsFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

/// Compares a text with the file `Goldens/Commands/NAME`. With `SUPERV_WRITE_GOLDENS=1` in the
/// environment it writes the file instead, to be read before it is committed.
func expectGolden(_ name: String, _ text: String, at location: SourceLocation = #_sourceLocation) {
  let path = testsFolder.appending(path: "Goldens/Commands/\(name)")
  if ProcessInfo.processInfo.environment["SUPERV_WRITE_GOLDENS"] == "1" {
    #expect(throws: Never.self) { try Data(text.utf8).write(to: path) }
  }
  let golden = try? String(contentsOf: path, encoding: .utf8)
  #expect(text == golden, "differs from Goldens/Commands/\(name)", sourceLocation: location)
}

/// A folder that goes away with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "superv-test-\(UUID().uuidString.prefix(13))")
    try FileManager.default.createDirectory(
      at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }
}

extension String {
  var lines: [Substring] { split(separator: "\n") }
}
