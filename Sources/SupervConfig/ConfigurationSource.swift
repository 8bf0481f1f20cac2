/// Everything a configuration needs from outside: this module opens no file and asks no kernel.
package protocol ConfigurationSource {
  /// The content of the file at an absolute path. It may stop reading after `limit + 1` bytes.
  func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8]
  /// The names in the folder at an absolute path, in any order; `.` and `..` may be among them.
  func namesInFolder(_ path: String) throws(SourceError) -> [String]
  /// What is at an absolute path, symbolic links followed; nil: nothing.
  func kindOfFile(_ path: String) -> FileKind?
  /// The same path without symbolic links, `.` and `..` (realpath(3)), by which a file that is
  /// included twice is recognised; nil: it cannot be told, and the path has to do.
  func canonicalPath(_ path: String) -> String?
  /// From superv's own environment.
  func environmentVariable(_ name: String) -> String?
  /// Whether passwd(5) knows this name.
  func userExists(_ name: String) -> Bool
  /// Why the kernel cannot keep a limit of a whole process tree here; nil: it can.
  func problem(keeping limit: TreeLimit) -> String?
  /// What of a sandbox the kernel cannot enforce here, and why; paths that do not exist are not
  /// among it.
  func problems(enforcing sandbox: SandboxSettings) -> [String]
  /// The folder of the running superv, absolute: `%(bin)s`.
  var binaryFolder: String { get }

  // What only supervisord's dialect asks for.

  /// superv's own environment, in its order.
  var environment: [EnvironmentVariable] { get }
  /// `nodename` of uname(2).
  var hostName: String { get }
  /// Where superv is started, absolute.
  var workingFolder: String { get }
  /// Whether superv stays where it is started, as `superv run` does.
  var isInForeground: Bool { get }
  /// The home folder of a user of passwd(5); nil: there is no such user, or it has none.
  func homeFolder(of user: String) -> String?
}

extension ConfigurationSource {
  package func canonicalPath(_ path: String) -> String? { nil }
  package func problem(keeping limit: TreeLimit) -> String? { nil }
  package func problems(enforcing sandbox: SandboxSettings) -> [String] { [] }
  package var environment: [EnvironmentVariable] { [] }
  package var hostName: String { "localhost" }
  package var workingFolder: String { "/" }
  package var isInForeground: Bool { false }
  package func homeFolder(of user: String) -> String? { nil }
}

package enum FileKind: String, Codable, Hashable, Sendable { case file, folder, other }

/// Why a file or folder could not be read, in the words of strerror(3).
package struct SourceError: Error, Hashable, Sendable {
  package var reason: String

  package init(_ reason: String) { self.reason = reason }
}
