package import SupervSystem

// What starting agents takes from the surroundings, beside what `SystemConfigurationSource` has
// found for the configuration.

extension LinuxKernel {
  package func tellManager(_ assignments: String) { parts.keeper?.notify(assignments) }

  package func utcOffsetSeconds(atUnixSeconds seconds: Int) -> Int32 {
    Clock.utcOffsetSeconds(atUnixSeconds: seconds)
  }

  package var environmentNames: [String] { Surroundings.environment.keys.sorted() }

  package func environmentVariable(_ name: String) -> String? { Surroundings.variable(name) }

  package func readFile(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
    // A FIFO without a writer would keep a plain open(2) waiting, and the daemon with it.
    let file = try Files.open(path, [.readOnly, .nonblocking])
    guard try file.status().kind == .regular else { throw .notRegular(path) }
    return try file.readAll(maximumBytes: limit)
  }

  package func user(_ name: String) -> UserDatabase.User? {
    (try? UserDatabase.ofSystem())?.user(name)
  }
}
