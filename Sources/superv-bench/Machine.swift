import CBench

/// A point or span of time in nanoseconds of the monotonic clock.
typealias Nanoseconds = Int64

func now() -> Nanoseconds { cbench_now() }

func pause(milliseconds: Int64) throws(BenchError) {
  cbench_sleep(milliseconds * 1_000_000)
  try checkInterrupt()
}

/// - Throws: when SIGINT, SIGTERM or SIGHUP has come. Thrown once, so that cleaning up can wait for
///   things in its turn.
func checkInterrupt() throws(BenchError) {
  guard cbench_interrupted() else { return }
  cbench_forget_interrupt()
  throw .interrupted
}

/// Ends this program.
func exit(_ status: Int32) -> Never { cbench_exit(status) }

func setEnvironment(_ name: String, _ value: String) {
  _ = unsafe cbench_set_environment(name, value)
}

func complain(_ text: String) {
  var line = text + "\n"
  line.withUTF8 { unsafe cbench_complain($0.baseAddress, $0.count) }
}

/// What a program that ran to its end left.
struct Finished {
  var output: [UInt8]
  var started: Nanoseconds
  var ended: Nanoseconds
  var milliseconds: Double { Double(ended - started) / 1e6 }
}

/// Runs a program to its end.
/// - Throws: unless it exits with 0 within the time.
@discardableResult
func runToEnd(_ command: [String], seconds: Int64) throws(BenchError) -> Finished {
  var result = unsafe cbench_run()
  let failed = unsafe withArguments(command) {
    unsafe cbench_run($0, now() + seconds * 1_000_000_000, &result) != 0
  }
  defer { unsafe cbench_run_free(&result) }
  try checkInterrupt()
  let words = command.prefix(3).joined(separator: " ")
  if failed { throw BenchError("\(words): did not end within \(seconds) s") }
  let output = unsafe [UInt8](
    UnsafeRawBufferPointer(start: result.output, count: result.output_count))
  guard unsafe result.status == 0 else {
    throw BenchError("\(words): failed with wait status \(unsafe result.status)")
  }
  return unsafe Finished(output: output, started: result.started, ended: result.ended)
}

/// A program of ours that runs until it is ended.
struct Spawned: ~Copyable {
  let pid: Int32
  let started: Nanoseconds

  init(_ command: [String], isQuiet: Bool = false) throws(BenchError) {
    let output = Int32(isQuiet ? CBENCH_NO_OUTPUT : CBENCH_SAME_OUTPUT)
    var started: Nanoseconds = 0
    pid = unsafe withArguments(command) { unsafe cbench_spawn($0, output, &started) }
    self.started = started
    if pid < 0 { throw BenchError("cannot start \(command[0])") }
  }

  deinit {
    _ = cbench_kill(pid, 9)
    cbench_reap(pid)
  }
}

/// The words as execv(3) wants them, for as long as the body runs.
private func withArguments<Result>(
  _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var bytes: [CChar] = []
  var offsets: [Int] = []
  for word in words {
    offsets.append(bytes.count)
    bytes.append(contentsOf: word.utf8CString)
  }
  return unsafe bytes.withUnsafeMutableBufferPointer { buffer in
    let count = offsets.count + 1
    return unsafe withUnsafeTemporaryAllocation(
      of: UnsafeMutablePointer<CChar>?.self, capacity: count
    ) { list in
      for (index, offset) in offsets.enumerated() {
        unsafe list[index] = unsafe buffer.baseAddress.map { unsafe $0 + offset }
      }
      unsafe list[count - 1] = nil
      guard let base = list.baseAddress else { preconditionFailure("a command has words") }
      return unsafe body(base)
    }
  }
}
