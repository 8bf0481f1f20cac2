import CBench

/// Calls over what others use for them, straight from one program to another with no relay between,
/// beside the relay in C.
extension Benchmark {
  mutating func measureCallPeers() throws {
    let agents = try CallAgents(options, in: "\(folder)/peer-calls")
    let bare = try BareRelay(options, in: "\(folder)/peer-calls", for: agents)
    for peer in [CallPeer.erlang, .grpc] {
      do {
        guard let figures = try peer.measure(options, in: "\(folder)/\(peer.rawValue)") else {
          report.conditions.append("\(peer.rawValue): not installed, skipped")
          continue
        }
        let one = try agents.call(options.calls(inFlight: 1), inFlight: 1, relay: [])
        let many = try agents.call(options.calls(inFlight: 64), inFlight: 64, relay: [])
        let what = "calls, \(Placement.any.rawValue), \(peer.rawValue)"
        add(
          Figure(name: "\(what), 1 in flight: p50", unit: "us", value: figures.p50, bare: one.p50))
        add(
          Figure(name: "\(what), 1 in flight: p99", unit: "us", value: figures.p99, bare: one.p99))
        add(
          Figure(
            name: "\(what), 64 in flight: throughput", unit: "/s", value: figures.perSecond,
            bare: many.perSecond))
      } catch let error as BenchError where error != .interrupted {
        report.conditions.append("\(peer.rawValue): \(error.message)")
      }
    }
    _ = consume bare
  }
}

/// Another way for one program to call another on the same machine.
private enum CallPeer: String {
  /// `gen_server:call` between two nodes.
  case erlang = "Erlang"
  /// In C++, over a Unix socket.
  case grpc = "gRPC"

  struct Figures {
    var p50: Double
    var p99: Double
    var perSecond: Double
  }

  /// Nil when it is not installed.
  func measure(_ options: Options, in folder: String) throws -> Figures? {
    try makeFolder(folder)
    let counts = [String(options.callCount), String(options.callCount * 5)]
    let output: [UInt8]?
    switch self {
    case .erlang: output = try runErlang(in: folder, counts)
    case .grpc: output = try runGRPC(in: folder, counts)
    }
    guard let output else { return nil }
    let numbers = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      .compactMap { Double($0) }
    guard numbers.count == 3 else { throw BenchError("cannot read what it printed") }
    return Figures(p50: numbers[0], p99: numbers[1], perSecond: numbers[2])
  }

  /// Two nodes and a port mapper of our own, all on 127.0.0.1.
  private func runErlang(in folder: String, _ counts: [String]) throws(BenchError) -> [UInt8]? {
    guard let erl = findProgram("erl"), let erlc = findProgram("erlc"),
      let mapper = findProgram("epmd")
    else { return nil }
    let port = String(cbench_free_port())
    setEnvironment("ERL_EPMD_PORT", port)
    setEnvironment("ERL_CRASH_DUMP_BYTES", "0")
    try write(PackageResources.calls_erl, to: folder + "/calls.erl")
    try runToEnd([erlc, "-o", folder, folder + "/calls.erl"], seconds: 60)
    let epmd = try Spawned([mapper, "-port", port, "-address", "127.0.0.1"], isQuiet: true)
    let server = try Spawned(
      erlangNode("server", erl, folder) + ["serve", folder + "/ready"], isQuiet: true)
    let limit = now() + 20_000_000_000
    while realPath(folder + "/ready") == nil {
      if now() > limit { throw BenchError("the node did not start") }
      try pause(milliseconds: 20)
    }
    let measure = ["measure", "superv_bench_server@localhost"] + counts
    let output = try runToEnd(erlangNode("client", erl, folder) + measure, seconds: 120).output
    _ = consume server
    _ = consume epmd
    return output
  }

  /// A node that runs a function of our module, which the next word names.
  private func erlangNode(_ name: String, _ erl: String, _ folder: String) -> [String] {
    [
      erl, "-noinput", "-pa", folder, "-start_epmd", "false", "-kernel",
      "inet_dist_use_interface", "{127,0,0,1}", "-setcookie", "superv-bench", "-sname",
      "superv_bench_\(name)@localhost", "-s", "calls",
    ]
  }

  private func runGRPC(in folder: String, _ counts: [String]) throws(BenchError) -> [UInt8]? {
    guard let compiler = findProgram("c++"), let packages = findProgram("pkg-config"),
      let flags = try? runToEnd([packages, "--cflags", "--libs", "grpc++"], seconds: 10).output
    else { return nil }
    let words = String(decoding: flags, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    let program = folder + "/calls"
    try write(PackageResources.calls_cpp, to: program + ".cpp")
    try runToEnd(
      [compiler, "-O2", "-std=c++17", "-o", program, program + ".cpp"] + words.map(String.init),
      seconds: 120)
    return try runToEnd([program, folder + "/calls.sock"] + counts, seconds: 120).output
  }
}
