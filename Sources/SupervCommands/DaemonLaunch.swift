import SupervProtocol
import SupervSystem

/// A daemon that was just spawned, in a session of its own.
final class DaemonLaunch {
  /// How much of `daemon.log` an error shows.
  private static let shownLogLines = 10
  private static let maximumLogBytes = 1 << 20
  /// A keeper that ends with its daemon does so in this time.
  private static let endMilliseconds: Int64 = 200
  /// The daemon finds the end to write to here.
  private static let readyDescriptor: Int32 = 3

  let controlSocket: String
  private let logPath: String
  /// Where the log ended before: what comes after is about this daemon.
  private let logStart: Int
  private let process: SpawnedProcess
  private let ready: Descriptor

  /// - Throws: `CommandFailure` when it cannot be spawned.
  init(
    _ executable: String, configuration: String, startedIn folder: String?,
    runtimeDirectory: String,
    environment: [String: String]
  ) throws(CommandFailure) {
    controlSocket = "\(runtimeDirectory)/control.sock"
    logPath = "\(runtimeDirectory)/daemon.log"
    do {
      try Files.makeDirectories(runtimeDirectory, mode: 0o700)
      let log = try Files.open(logPath, [.writeOnly, .append, .create, .noFollow], mode: 0o600)
      logStart = Int(try log.status().size)
      let pipe = try Pipe.make()
      var request = SpawnRequest(
        command: [
          "superv", "keeper", "--config", configuration, "--runtime-dir", runtimeDirectory,
          "--ready-fd", "\(Self.readyDescriptor)",
        ] + (folder.map { ["--directory", $0] } ?? []),
        // In the background it is nobody's service.
        environment: environment.filter { !ServiceManager.variables.contains($0.key) }
          .map { "\($0)=\($1)" })
      request.candidates = [executable]
      request.directory = "/"
      request.standardOutput = log.number
      request.standardError = log.number
      request.extraDescriptors = [
        .init(source: pipe.second.number, target: Self.readyDescriptor)
      ]
      process = try spawn(request)
      ready = pipe.split { reader, _ in reader }
    } catch let error as SystemError {
      throw .broken("runtime_dir cannot be used: \(error)")
    } catch {
      throw .broken("the daemon cannot be started: \(error)")
    }
  }

  private struct ReadyLine: Decodable {
    var ready: Bool?
    var error: String?
  }

  /// Waits for the one line on the ready pipe.
  ///
  /// - Throws: `CommandFailure`: what the daemon says, or how it ended without a word.
  func waitUntilServing(by deadline: Deadline) throws(CommandFailure) {
    var line: [UInt8] = []
    do {
      while !line.contains(UInt8(ascii: "\n")) {
        guard try ready.wait(timeoutMilliseconds: deadline.remainingMilliseconds) else {
          stop()
          throw CommandFailure.timedOut("the daemon did not start in time and is being stopped")
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        var span = buffer.mutableSpan
        guard let count = try ready.read(into: &span), count > 0 else {
          throw failure("the daemon ended before it served", by: deadline)
        }
        line.append(contentsOf: buffer[..<count])
      }
      let answer = try JSON.decode(ReadyLine.self, from: line.span)
      guard answer.ready == true else {
        // It lets go of the lock a moment after it has said why.
        _ = ending(by: deadline)
        throw CommandFailure.broken(answer.error ?? "the daemon gave up")
      }
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw .broken("the daemon does not say whether it serves: \(error)")
    }
  }

  /// Asks the daemon to stop the tree and itself.
  func stop() {
    // When it is gone already, that is what was wanted.
    _ = try? Processes.send(.terminate, to: process.pidfd)
  }

  /// Stops the tree and the daemon, what is left after half of the time the hard way.
  ///
  /// - Throws: `CommandFailure` when something is there all the same.
  func end(within allowance: Duration) throws(CommandFailure) {
    for _ in 0..<2 {
      stop()
      if ending(by: Deadline(after: allowance / 2)) != nil { return }
    }
    throw .broken("the daemon does not end; see \(logPath)")
  }

  /// Whether nobody starts another daemon any more.
  var hasEnded: Bool {
    (try? process.pidfd.wait(timeoutMilliseconds: Self.endMilliseconds)) ?? true
  }

  /// Why there is no daemon any more: how it ended, and what it wrote since it was started.
  func failure(_ what: String, by deadline: Deadline) -> CommandFailure {
    var message = what
    if let status = ending(by: deadline) { message += " (\(status))" }
    let lines = logTail()
    message += lines.isEmpty ? "; \(logPath) says nothing" : "; the end of \(logPath):"
    return .broken(message + lines.map { "\n  \(printable($0))" }.joined())
  }

  private func ending(by deadline: Deadline) -> ExitStatus? {
    let milliseconds = deadline.remainingMilliseconds
    guard (try? process.pidfd.wait(timeoutMilliseconds: milliseconds)) == true else { return nil }
    return try? Processes.reap(process.pidfd)
  }

  private func logTail() -> [String] {
    guard let content = try? Files.read(logPath, maximumBytes: logStart + Self.maximumLogBytes)
    else { return [] }
    let text = String(decoding: content.dropFirst(logStart), as: UTF8.self)
    return text.split(separator: "\n").suffix(Self.shownLogLines).map(String.init)
  }
}
