/// What a process may do beyond the rights of its user (capabilities(7)).
package struct Capabilities: Hashable, Sendable {
  /// The raw values are the kernel's numbers.
  package enum Capability: Int, CaseIterable, Sendable {
    case dacOverride = 1
    case kill = 5
    case setGroup = 6
    case setUser = 7
    case setCapabilities = 8
    case systemAdministration = 21
    case nice = 23
    case resources = 24

    /// As capabilities(7) has it.
    package var name: String {
      switch self {
      case .dacOverride: "CAP_DAC_OVERRIDE"
      case .kill: "CAP_KILL"
      case .setGroup: "CAP_SETGID"
      case .setUser: "CAP_SETUID"
      case .setCapabilities: "CAP_SETPCAP"
      case .systemAdministration: "CAP_SYS_ADMIN"
      case .nice: "CAP_SYS_NICE"
      case .resources: "CAP_SYS_RESOURCE"
      }
    }
  }

  package let bits: UInt64

  package init(bits: UInt64) { self.bits = bits }

  package static let none = Capabilities(bits: 0)

  package func intersection(_ other: Capabilities) -> Capabilities {
    Capabilities(bits: bits & other.bits)
  }

  package func subtracting(_ other: Capabilities) -> Capabilities {
    Capabilities(bits: bits & ~other.bits)
  }

  package func has(_ capability: Capability) -> Bool {
    bits >> UInt64(capability.rawValue) & 1 == 1
  }

  /// Those that are in force for this process.
  package static var effective: Capabilities {
    let text = (try? Files.readText("/proc/self/status", maximumBytes: 64 << 10)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let digits = line?.dropFirst(7).filter { $0.isHexDigit } ?? ""
    return Capabilities(bits: UInt64(digits, radix: 16) ?? 0)
  }
}
