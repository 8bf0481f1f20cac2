package import SupervSystem

/// The main function of the hidden role `superv logger`.
///
/// It ignores TERM, INT and HUP (a terminal sends them to everybody): the daemon ends it with
/// `finish`, or by going away for good, and either way not before the streams have ended. A second
/// Ctrl-C must not cost the last lines.
///
/// - Parameters:
///   - link: The socket to the daemon, descriptor 3 of the process.
///   - listener: Where the next daemon connects if that one dies, descriptor 4. The daemon has
///     made it, so that it is there from the very beginning.
/// - Throws: `SystemError` when the loop cannot go on; nothing that happens to files, agents or the
///   daemon makes it.
package func runLogger(
  link: consuming Descriptor, listener: consuming Descriptor
) throws(SystemError) {
  hideMemory()
  // The end of an agent wakes it as well as the daemon. Between the two it would only be in the way
  // of the daemon, and of the agent's last steps, which the daemon waits for.
  Scheduling.interruptNobody()
  for signal: Signal in [.terminate, .interrupt, .hangUp, .pipe] { try signal.ignore() }
  // 2 000 pipes for 1 000 agents; without more descriptors the first ones are still read.
  _ = try? ProcessLimit.raiseOpenFiles()
  let loop = try LoggerLoop(
    link: link, listener: listener, standardOutput: Descriptor.duplicateOfStandardOutput())
  // What reads command lines is not needed any more.
  OwnMemory.giveBack(includingProgram: true)
  try loop.run()
}
