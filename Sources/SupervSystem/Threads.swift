import Glibc

/// Threads, for code in other people's programs. superv itself has one thread a process.
package enum Threads {
  /// Runs `body` on a thread of its own, which nobody waits for (pthread_create(3)).
  ///
  /// No signal is delivered to it: the handlers of the program are not meant to run there.
  ///
  /// - Throws: `SystemError`; `EAGAIN` when there may be no more threads.
  package static func start(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    let work = unsafe Unmanaged.passRetained(Work(body))
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    var thread = pthread_t()
    let code = unsafe pthread_create(&thread, nil, runWork, work.toOpaque())
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    guard code == 0 else {
      unsafe work.release()
      throw SystemError("pthread_create", code: code)
    }
    pthread_detach(thread)
  }
}

private final class Work {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func runWork(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument = unsafe argument else { return nil }
  unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
  return nil
}
