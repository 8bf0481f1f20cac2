import SupervSystem
import Testing

/// superv as process 1 of a pid namespace, as a container runtime starts it.
final class Container {
  /// The pid of its process 1, as it is here.
  let pid: Int32
  private let outside: Command
  private let inside: Descriptor
  private let namespace: String

  /// See `launchContainer`.
  init(_ superv: Superv, _ script: String) throws {
    outside = try launchContainer(superv, script)
    let parent = outside.pid
    var found: ProcessIdentity?
    do {
      try eventually("process 1 of the container is there") {
        found = try ProcessRecord.all().first { $0.parent == parent }
          .map { ProcessIdentity(pid: $0.pid, startTime: $0.startTime) }
        return found != nil || ProcessRecord.of(parent)?.state == "Z"
      }
      guard let found, let pidfd = try found.open() else { throw Ended() }
      pid = found.pid
      inside = pidfd
      namespace = try Files.linkTarget("/proc/\(pid)/ns/pid")
    } catch {
      outside.clear()
      throw error
    }
  }

  private struct Ended: Error {}

  /// What superv says on its standard output and error.
  var output: String { outside.output }
  var errors: String { outside.errors }

  func send(_ signal: Signal) throws { try Processes.send(signal, to: inside) }

  /// Waits for the end of process 1; `unshare` ends as it did.
  func end() throws -> Answer { try outside.end() }

  /// Ends all of it the hard way if it is still there.
  func clear() {
    // Not by way of unshare: a change of user forgets that the child dies with its parent.
    _ = try? Processes.send(.kill, to: inside)
    outside.clear()
  }

  /// A file as process 1 sees it; empty without it.
  func read(_ path: String) -> String { (try? Files.readText("/proc/\(pid)/root\(path)")) ?? "" }

  /// A line of what the kernel says about process 1 (proc_pid_status(5)).
  func status(_ field: String) throws -> String {
    let lines = try Files.readText("/proc/\(pid)/status").split(separator: "\n")
    let line = lines.first { $0.hasPrefix("\(field):") } ?? ""
    return line.dropFirst(field.count + 1).split(separator: "\t").joined(separator: " ")
  }

  func descriptor(_ number: Int) throws -> String {
    try Files.linkTarget("/proc/\(pid)/fd/\(number)")
  }

  /// Everything that runs in it.
  var processes: [ProcessRecord] {
    get throws {
      try ProcessRecord.all().filter {
        (try? Files.linkTarget("/proc/\($0.pid)/ns/pid")) == namespace
      }
    }
  }
}

/// Starts a shell as process 1 of new namespaces, as root, with a script that ends with superv.
///
/// - Parameters:
///   - mountsProc: Whether `/proc` is that of the new pid namespace.
///   - script: `$superv` is the program, `$folder` the fixture's folder.
private func launchContainer(
  _ superv: Superv, mountsProc: Bool = true, _ script: String
) throws -> Command {
  let words =
    ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    + (mountsProc ? ["--mount-proc"] : []) + ["sh", "-euc", script]
  return try Command(
    words, output: "\(superv.folder)/console-\(UInt32.random(in: 0 ... .max))",
    directory: superv.folder,
    environment: [
      "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "superv=\(Superv.executable)",
      "folder=\(superv.folder)",
    ], as: nil)
}

/// Runs a container that ends by itself.
func runContainer(
  _ superv: Superv, mountsProc: Bool = true, _ script: String
) throws -> Answer {
  let command = try launchContainer(superv, mountsProc: mountsProc, script)
  defer { command.clear() }
  return try command.end()
}

/// Runs a test with a container, which is gone afterwards.
func withContainer(
  _ superv: Superv, _ script: String, _ body: (Container) throws -> Void
) throws {
  let container = try Container(superv, script)
  defer { container.clear() }
  do {
    try body(container)
  } catch {
    Issue.record("\(error)\n\(container.output)\(container.errors)")
  }
}

/// Whether there can be pid namespaces; says so aloud when not.
func canContain(_ what: String) throws -> Bool {
  if try shell("unshare --mount --pid --fork --mount-proc true").code == 0 { return true }
  notTested(what, because: "unshare(1) may make no pid namespace here")
  return false
}
