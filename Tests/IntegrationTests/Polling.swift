import Glibc
import SupervSystem

/// How long anything may take before a test gives up: a bound for failures, never a measure.
let patienceSeconds: Int64 = 120

/// Something that should have come about and did not.
struct TimedOut: Error, CustomStringConvertible {
  var description: String

  init(_ what: String) { description = "in \(patienceSeconds) s: \(what)" }
}

/// Looks again until it is so: only for what nobody tells (files, `/proc`). What the daemon tells
/// is waited for with `Superv.wait`.
func eventually(_ what: String, _ isSo: () throws -> Bool) throws {
  let deadline = Clock.monotonicNanoseconds + patienceSeconds * 1_000_000_000
  while try !isSo() {
    guard Clock.monotonicNanoseconds < deadline else { throw TimedOut(what) }
    usleep(5000)
  }
}
