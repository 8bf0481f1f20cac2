package import SupervConfig
import SupervSystem

/// The configuration's view of this machine: its files, its users and this process's environment.
package struct SystemConfigurationSource: ConfigurationSource, Sendable {
  /// The folder of the running superv.
  package let binaryFolder: String
  package let workingFolder: String
  package let isInForeground: Bool
  private let variables: [String: String]
  /// passwd(5). Names that only a name service knows are not found: asking it can take for ever,
  /// and a static executable has no modules for it.
  private static let usersPath = "/etc/passwd"
  private static let maximumUsersBytes = 4 << 20

  /// - Parameter folder: what paths of supervisord's dialect are relative to.
  package init(
    environment: [String: String], startedIn folder: String, isInForeground: Bool = false
  ) {
    variables = environment
    workingFolder = folder
    self.isInForeground = isInForeground
    binaryFolder = (try? Files.linkTarget("/proc/self/exe")).map { Files.parent(of: $0) } ?? "/"
  }

  package func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8] {
    do {
      // A FIFO without a writer would keep a plain open(2) waiting.
      let file = try Files.open(path, [.readOnly, .nonblocking])
      guard try file.status().kind == .regular else { throw SourceError("Not a regular file") }
      var content: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      while content.count <= limit {
        var span = buffer.mutableSpan
        guard let count = try file.read(into: &span), count > 0 else { break }
        content.append(contentsOf: buffer[..<count])
      }
      return content
    } catch let error as SystemError {
      throw SourceError(errorText(error.code))
    } catch {
      throw error as? SourceError ?? SourceError("\(error)")
    }
  }

  package func namesInFolder(_ path: String) throws(SourceError) -> [String] {
    do {
      return try Files.names(in: path)
    } catch {
      throw SourceError(errorText(error.code))
    }
  }

  package func kindOfFile(_ path: String) -> FileKind? {
    guard let status = try? Files.status(of: path) else { return nil }
    switch status.kind {
    case .regular: return .file
    case .directory: return .folder
    case .link, .socket, .fifo, .characterDevice, .blockDevice, .unknown: return .other
    }
  }

  package func canonicalPath(_ path: String) -> String? { try? Files.realPath(path) }

  package func environmentVariable(_ name: String) -> String? { variables[name] }

  package var environment: [EnvironmentVariable] {
    variables.sorted { $0.key < $1.key }.map { EnvironmentVariable(name: $0.key, value: $0.value) }
  }

  package var hostName: String { Surroundings.hostName }

  package func homeFolder(of user: String) -> String? { users?.user(user)?.home }

  package func problem(keeping limit: TreeLimit) -> String? {
    do {
      let home = try ControlGroupHome.find()
      return home.group.controllers.contains(limit.controller)
        ? nil : "cgroup v2 has no \(limit.controller.rawValue) controller at \(home.group.path)"
    } catch {
      return error.description
    }
  }

  package func problems(enforcing sandbox: SandboxSettings) -> [String] {
    AgentSandbox().problems(enforcing: sandbox)
  }

  package func userExists(_ name: String) -> Bool { users?.user(name) != nil }

  private var users: UserDatabase? {
    (try? Files.readText(Self.usersPath, maximumBytes: Self.maximumUsersBytes)).map {
      UserDatabase(passwd: $0, group: "")
    }
  }
}
