// Swift's Hasher is seeded anew in every process; a fingerprint is compared across processes.

/// FNV-1a, 64 bits (draft-eastlake-fnv). Fields are prefixed with their length, so that no two
/// different lists of fields feed it the same bytes.
package struct StableHash {
  package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  package init() {}

  package mutating func combine(_ text: String) {
    combine(UInt64(text.utf8.count))
    for byte in text.utf8 { mix(byte) }
  }

  package mutating func combine(_ number: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      mix(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  mutating func combine(_ text: String?) {
    combine(text == nil ? 0 : 1)
    if let text { combine(text) }
  }

  mutating func combine(_ texts: [String]) {
    combine(UInt64(texts.count))
    for text in texts { combine(text) }
  }

  private mutating func mix(_ byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
  }
}

extension AgentDefinition {
  /// Of everything that only a new process can take over. How it is supervised and logged is not
  /// part of it, and the environment file is part by its name: its content is read at each start.
  func fingerprint(passEnvironment: [String]) -> UInt64 {
    var hash = StableHash()
    hash.combine(agent)
    hash.combine(UInt64(instance))
    hash.combine(command)
    hash.combine(directory)
    hash.combine(environment.flatMap { [$0.name, $0.value] })
    hash.combine(environmentFile)
    hash.combine(user)
    hash.combine(umask.map { String($0) })
    hash.combine(nice.map { String($0) })
    hash.combine(limits.map { "\($0.resource) \($0.soft ?? .max) \($0.hard ?? .max)" })
    switch standardInput {
    case .path(let path): hash.combine(path)
    case .pipe: hash.combine("pipe")
    case .socket(let socket): hash.combine("socket \(socket.url)")
    }
    hash.combine(passEnvironment)
    combineHealth(into: &hash)
    combineTree(into: &hash)
    combineSandbox(into: &hash)
    if signalTarget != .group { hash.combine("signal_to \(signalTarget.rawValue)") }
    if !hasUserVariables { hash.combine("user_environment") }
    return hash.value
  }

  /// Likewise added only where it is used.
  private func combineTree(into hash: inout StableHash) {
    for limit in treeLimits.keys {
      hash.combine("\(limit.rawValue) \(treeLimits[limit] ?? "")")
    }
    if treeLimits.policy != .bestEffort { hash.combine(treeLimits.policy.rawValue) }
    if detachIsAllowed { hash.combine("detach_allowed") }
  }

  /// Likewise.
  private func combineSandbox(into hash: inout StableHash) {
    if sandbox.policy != .bestEffort { hash.combine("sandbox \(sandbox.policy.rawValue)") }
    func combine(_ name: String, _ value: String?) {
      guard let value else { return }
      hash.combine("\(name) \(value)")
    }
    combine("no_new_privs", sandbox.noNewPrivileges.map { String($0) })
    combine("capabilities", sandbox.capabilities.map { String(Capability.bits($0)) })
    combine("read", sandbox.read?.joined(separator: "\n"))
    combine("write", sandbox.write?.joined(separator: "\n"))
    combine("connect", sandbox.connect?.text)
    combine("oom_score_adj", sandbox.outOfMemoryScore.map { String($0) })
  }

  /// Of health, what the process was given: a descriptor and `WATCHDOG_USEC`. Without them nothing
  /// is added, so that agents outlive an update of superv from before they existed.
  private func combineHealth(into hash: inout StableHash) {
    if let descriptor = health.notifyDescriptor { hash.combine("notify_fd \(descriptor)") }
    for probe in [health.startup, health.liveness, health.readiness] {
      if case .watchdog(let span) = probe?.kind { hash.combine("watchdog \(span)") }
    }
  }
}
