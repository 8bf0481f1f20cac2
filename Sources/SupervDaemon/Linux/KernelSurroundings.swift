package import SupervSystem

// What the configuration asks of this machine: see `SystemConfigurationSource`, which does so before
// there is a kernel.

extension LinuxKernel {
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
