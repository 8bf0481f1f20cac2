import CSuperv
import Glibc

/// Who is killed first when the machine is out of memory (proc_pid_oom_score_adj(5)): a number that
/// processes have from their parents.
///
/// What a process starts gets another one when the process itself has that for a moment: so this is
/// for one thread.
package final class OutOfMemoryScore {
  private let file: Descriptor
  /// Of this process.
  package let own: Int32

  /// - Returns: nil where /proc does not say.
  package init?() {
    guard let file = try? Files.open("/proc/self/oom_score_adj", .readWrite),
      let text = try? file.readAll(maximumBytes: 32),
      let own = Int32(String(decoding: text, as: UTF8.self).filter { !$0.isWhitespace })
    else { return nil }
    self.file = file
    self.own = own
  }

  /// What this process starts from now on gets that score, until `reset`; below one's own that
  /// takes `CAP_SYS_RESOURCE`.
  package func set(_ score: Int32) throws(SystemError) {
    if score != own { try file.writeAll("\(score)") }
  }

  package func reset() { try? file.writeAll("\(own)") }
}

/// What this process keeps in memory is for no other one without privileges to see, until it
/// executes a program: nobody may trace it, nor read what /proc has of it (`PR_SET_DUMPABLE`).
package func hideMemory() { _ = csv_hide_memory() }
