import CSuperv
import Glibc

extension SpawnRequest.Confinement {
  func apply(to raw: inout csv_spawn_request) {
    unsafe raw.no_new_privileges = forbidsNewPrivileges ? 1 : 0
    unsafe raw.landlock = landlock ?? -1
    guard let capabilities else { return }
    unsafe raw.change_capabilities = 1
    unsafe raw.capabilities = capabilities.bits
    unsafe raw.pass_capabilities = passesCapabilities ? 1 : 0
    unsafe raw.change_bounding = boundsCapabilities ? 1 : 0
  }
}

/// What a process that is started as requested can do in fact: it is started, tries, and ends
/// before it executes anything.
package struct SandboxTrial: Hashable, Sendable {
  /// What is tried beside signals to, and a look into, this process.
  package struct Attempts: Hashable, Sendable {
    /// Files to open; nil: none.
    package var read: String?
    package var write: String?
    /// A TCP connection to this machine, to a port that nobody can listen on.
    package var connects = false

    package init() {}
  }

  /// Whether it was kept from it by the kernel; nil: it was not tried, or went wrong otherwise.
  package var signalIsRefused: Bool?
  package var inspectionIsRefused: Bool?
  package var readIsRefused: Bool?
  package var writeIsRefused: Bool?
  package var connectIsRefused: Bool?
  package var hasNoNewPrivileges: Bool
  /// In force for it.
  package var capabilities: Capabilities

  /// - Throws: `SpawnError`: what an agent with this request would meet as well.
  package init(of request: SpawnRequest, _ attempts: Attempts) throws(SpawnError) {
    try request.refuseNulBytes()
    var memory = CMemory()
    var raw = unsafe request.forC(&memory)
    unsafe raw.is_trial = 1
    unsafe raw.trial.signal = 1
    unsafe raw.trial.inspect = memory.string("/proc/\(getpid())/environ")
    if let path = attempts.read { unsafe raw.trial.read = memory.string(path) }
    if let path = attempts.write { unsafe raw.trial.write = memory.string(path) }
    unsafe raw.trial.connect = attempts.connects ? 1 : 0
    var result = csv_spawned()
    _ = unsafe csv_spawn(&raw, &result)
    guard result.stage == CSV_STAGE_TRIED else { throw request.error(result) }
    let tried = result.tried
    signalIsRefused = Self.isRefusal(tried.signal)
    inspectionIsRefused = Self.isRefusal(tried.inspect)
    readIsRefused = attempts.read.flatMap { _ in Self.isRefusal(tried.read) }
    writeIsRefused = attempts.write.flatMap { _ in Self.isRefusal(tried.write) }
    connectIsRefused = attempts.connects ? Self.isRefusal(tried.connect) : nil
    hasNoNewPrivileges = tried.no_new_privileges == 1
    capabilities = Capabilities(bits: tried.capabilities)
  }

  private static func isRefusal(_ code: Int32) -> Bool? {
    switch code {
    case EACCES, EPERM: true
    case 0, ECONNREFUSED, EADDRNOTAVAIL: false
    default: nil
    }
  }
}
