import SupervSystem
import Testing

/// A folder of its own for one test, removed with everything in it.
struct Scratch: ~Copyable {
  let path: String

  init() throws {
    let name = "superv-\(Processes.ownPid)-\(UInt64.random(in: 0 ... .max))"
    path = "/tmp/\(name)"
    try Files.makeDirectories(path, mode: 0o755)
  }

  deinit { Self.clear(path) }

  private static func clear(_ path: String) {
    for name in (try? Files.names(in: path)) ?? [] {
      let inside = "\(path)/\(name)"
      let kind = try? Files.status(of: inside, followingLinks: false)?.kind
      if kind == .directory { clear(inside) } else { try? Files.remove(inside) }
    }
    try? Files.removeDirectory(path)
  }

  func write(_ name: String, _ content: String, mode: UInt32 = 0o644) throws -> String {
    let file = "\(path)/\(name)"
    try Files.replace(file, with: Array(content.utf8).span, mode: mode)
    try Files.setMode(file, mode)
    return file
  }
}

struct Outcome: Equatable {
  var output: String
  var status: SupervSystem.ExitStatus

  var lines: [Substring] { output.split(separator: "\n") }
}

/// Runs to the end; what it writes to standard output and standard error is its output.
func run(_ request: SpawnRequest) throws -> Outcome {
  try Pipe.make().split { (reader, writer) throws in
    var request = request
    request.standardOutput = writer.number
    request.standardError = writer.number
    let process = try spawn(request)
    writer.close()
    let output = String(decoding: try reader.readAll(), as: UTF8.self)
    return Outcome(output: output, status: try waitForEnd(of: process.pidfd))
  }
}

func waitForEnd(of pidfd: borrowing Descriptor) throws -> SupervSystem.ExitStatus {
  _ = try pidfd.wait(timeoutMilliseconds: nil)
  return try #require(try Processes.reap(pidfd))
}

func shell(_ script: String, avoidsNewSystemCalls: Bool = false) -> SpawnRequest {
  var request = SpawnRequest(
    command: ["/bin/sh", "-c", script], environment: ["PATH=/usr/local/bin:/usr/bin:/bin"])
  request.avoidsNewSystemCalls = avoidsNewSystemCalls
  return request
}

let isRoot = Processes.ownUser == 0

/// Says aloud that something was not tested.
func notTested(_ what: String, because reason: String) {
  print("NOT TESTED: \(what), because \(reason)")
}

/// Tries again until it succeeds. A process that another test spawns at this moment has copies of
/// all descriptors for the microseconds until its exec, so what was closed is not closed yet.
func onceCopiesAreClosed(_ attempt: () throws -> Bool) rethrows {
  while try !attempt() {}
}

struct NothingThere: Error {}

/// The connection that waits.
func accepted(by listener: borrowing Descriptor) throws -> Descriptor {
  _ = try listener.wait(timeoutMilliseconds: nil)
  guard let connection = try listener.accept() else { throw NothingThere() }
  return connection
}

/// The next message, at most `buffer.count` bytes of it.
func received(
  by socket: borrowing Descriptor, into buffer: inout [UInt8]
) throws -> ReceivedMessage {
  _ = try socket.wait(timeoutMilliseconds: nil)
  var span = buffer.mutableSpan
  guard let message = try socket.receiveMessage(into: &span) else { throw NothingThere() }
  return message
}

/// What the descriptors that came along hold, in order.
func contents(_ message: inout ReceivedMessage) throws -> [String] {
  var contents: [String] = []
  while let descriptor = message.takeDescriptor() {
    // Close-on-exec is the flag 02000000.
    let info = try Files.readText("/proc/self/fdinfo/\(descriptor.number)")
    #expect(info.contains("flags:\t02"))
    contents.append(String(decoding: try descriptor.readAll(), as: UTF8.self))
  }
  return contents
}

extension Array where Element == UInt8 {
  init(_ text: String) { self = Array(text.utf8) }
}
