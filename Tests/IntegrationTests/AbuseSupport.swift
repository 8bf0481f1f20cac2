import Foundation
import SupervSystem
import Testing

// What the tests of bad situations have in common.

/// Somebody without privileges: nobody when the tests run as root, else whoever runs them.
func unprivilegedUser() throws -> UserDatabase.User? {
  Processes.ownUser == 0 ? try UserDatabase.ofSystem().user("nobody") : nil
}

/// Whether this process may mount file systems; says so aloud when it may not.
func canMount(_ what: String) -> Bool {
  if mountIsAllowed { return true }
  notTested(what, because: "mounting is not allowed here")
  return false
}

private let mountIsAllowed: Bool =
  (try? shell("unshare -m sh -c 'mount -t tmpfs none /mnt'").code) == 0

/// Runs a script of bash to its end, outside of any fixture.
@discardableResult
func shell(_ script: String) throws -> Answer {
  let folder = FileManager.default.temporaryDirectory.path
  let path = "\(folder)/sh-\(Processes.ownPid)-\(UInt32.random(in: 0 ... .max))"
  defer { for file in [path, "\(path).err"] { _ = try? Files.remove(file) } }
  return try Command(
    ["/bin/bash", "-c", script], output: path, directory: "/",
    environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], as: nil
  ).end()
}

extension Superv {
  /// Starts a script of bash in the fixture's folder, where `superv` is the program under test.
  func bash(_ script: String, as user: UserDatabase.User? = nil) throws -> Command {
    let number = UInt32.random(in: 0 ... .max)
    return try Command(
      ["/bin/bash", "-c", "superv() { '\(Self.executable)' \"$@\"; }\n" + script],
      output: "\(folder)/sh-\(number)", directory: folder,
      environment: [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=\(folder)",
        "XDG_RUNTIME_DIR=\(folder)/xdg", "SUPERV=\(Self.executable)",
      ], as: user)
  }

  /// Runs a script of bash to its end, which has to succeed.
  @discardableResult
  func check(_ script: String) throws -> Answer {
    let answer = try bash("set -e -o pipefail\n" + script).end()
    guard answer.code == 0 else { throw Refused(answer: answer) }
    return answer
  }

  /// What the daemon takes of memory, in bytes (proc_pid_status(5) `VmRSS`).
  func residentBytes() throws -> Int {
    let text = try Files.readText("/proc/\(try status().daemon.pid)/status")
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return try #require(Int(line.filter(\.isNumber))) * 1024
  }

  /// How many descriptors the daemon has open.
  func descriptorCount() throws -> Int {
    try Files.names(in: "/proc/\(try status().daemon.pid)/fd").count
  }

  /// The logger of the daemon.
  func logger() throws -> ProcessRecord {
    let daemon = try status().daemon.pid
    let found = try ProcessRecord.all().first { record in
      record.parent == daemon
        && (try? Files.readText("/proc/\(record.pid)/cmdline"))?.hasSuffix("logger\0") == true
    }
    guard let found else { throw TimedOut("the daemon has a logger") }
    return found
  }

  /// Sends a signal to a process that the test knows.
  func send(_ signal: Signal, to record: ProcessRecord) throws {
    let identity = ProcessIdentity(pid: record.pid, startTime: record.startTime)
    guard let pidfd = try identity.open() else { throw TimedOut("\(record.command) is there") }
    try Processes.send(signal, to: pidfd)
  }

  /// A second client: what anybody gets who asks now.
  func expectAnswers(
    pid: Int32?, of agent: String = "healthy", at location: SourceLocation = #_sourceLocation
  ) throws {
    let answer = try self("status", "--json")
    #expect(answer.code == 0, "\(answer.errors)", sourceLocation: location)
    let now = try Status(json: answer.output)
    #expect(now[agent: agent]?.pid == pid, "\(agent) was hurt", sourceLocation: location)
    #expect(pid != nil, sourceLocation: location)
  }
}

/// A connection that sends bytes and gets bytes, whatever they mean.
final class RawClient: @unchecked Sendable {
  private let socket: Descriptor

  init(_ path: String) throws { socket = try UnixSocket.connect(to: path) }

  init(port: UInt16) throws {
    socket = try TCPSocket.connect(to: "127.0.0.1", port: port)
    _ = try socket.wait(forWriting: true, timeoutMilliseconds: patienceSeconds * 1000)
    try socket.setNonblocking(false)
  }

  /// Sends all of it; false when the other side closed meanwhile.
  @discardableResult
  func send(_ bytes: [UInt8]) throws -> Bool {
    var sent = 0
    do {
      while sent < bytes.count {
        sent += try socket.sendMessage(bytes.span.extracting(droppingFirst: sent)) ?? 0
      }
      return true
    } catch {
      guard error.isPeerGone else { throw error }
      return false
    }
  }

  /// Sends all of it while the caller reads the answers.
  func sendAside(_ text: String) {
    Thread { _ = try? self.send(Array(text.utf8)) }.start()
  }

  @discardableResult
  func send(_ text: String) throws -> Bool { try send(Array(text.utf8)) }

  func finishWriting() throws { _ = try? socket.finishWriting() }

  /// Everything up to the end of the connection.
  func rest() throws -> String {
    var all: [UInt8] = []
    while let more = try some() { all += more }
    return String(decoding: all, as: UTF8.self)
  }

  /// What is there, waiting for at least one byte; nil at the end of the connection.
  func some() throws -> [UInt8]? {
    guard try socket.wait(timeoutMilliseconds: patienceSeconds * 1000) else {
      throw TimedOut("the other side says something or closes")
    }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var span = buffer.mutableSpan
    do {
      guard let count = try socket.read(into: &span), count > 0 else { return nil }
      return Array(buffer[..<count])
    } catch {
      guard error.isPeerGone else { throw error }
      return nil
    }
  }

  /// Reads until the text has come.
  func wait(for text: String) throws -> String {
    var all: [UInt8] = []
    while let more = try some() {
      all += more
      let soFar = String(decoding: all, as: UTF8.self)
      if soFar.contains(text) { return soFar }
    }
    throw TimedOut("\(text) comes; so far \(String(decoding: all, as: UTF8.self))")
  }
}

/// The configuration of one agent that is well.
let healthyAgent = """
  [agent:healthy]
  command = sleep 1000
  """

/// The folder that the sources of the tests are in a clone of.
let repositoryFolder = URL(filePath: #filePath).deletingLastPathComponent()
  .appending(path: "../..").standardizedFileURL.path
