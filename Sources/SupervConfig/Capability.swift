/// One of the rights into which Linux has divided those of root (capabilities(7)); the raw value is
/// its name there in lower case without `CAP_`.
package enum Capability: String, CaseIterable, Hashable, Sendable {
  // In the order of the kernel's numbers, which begin with 0 (include/uapi/linux/capability.h).
  case chown
  case dacOverride = "dac_override"
  case dacReadSearch = "dac_read_search"
  case fowner, fsetid, kill, setgid, setuid, setpcap
  case linuxImmutable = "linux_immutable"
  case netBindService = "net_bind_service"
  case netBroadcast = "net_broadcast"
  case netAdmin = "net_admin"
  case netRaw = "net_raw"
  case ipcLock = "ipc_lock"
  case ipcOwner = "ipc_owner"
  case sysModule = "sys_module"
  case sysRawio = "sys_rawio"
  case sysChroot = "sys_chroot"
  case sysPtrace = "sys_ptrace"
  case sysPacct = "sys_pacct"
  case sysAdmin = "sys_admin"
  case sysBoot = "sys_boot"
  case sysNice = "sys_nice"
  case sysResource = "sys_resource"
  case sysTime = "sys_time"
  case sysTtyConfig = "sys_tty_config"
  case mknod, lease
  case auditWrite = "audit_write"
  case auditControl = "audit_control"
  case setfcap
  case macOverride = "mac_override"
  case macAdmin = "mac_admin"
  case syslog
  case wakeAlarm = "wake_alarm"
  case blockSuspend = "block_suspend"
  case auditRead = "audit_read"
  case perfmon, bpf
  case checkpointRestore = "checkpoint_restore"

  /// Each one as a bit at the kernel's number.
  package static func bits(_ capabilities: [Capability]) -> UInt64 {
    allCases.indices.reduce(0) { bits, number in
      capabilities.contains(allCases[number]) ? bits | 1 << UInt64(number) : bits
    }
  }
}

extension ValueType where Result == [Capability] {
  static let capabilities = ValueType(
    name: "list of capabilities", allowsEmpty: true
  ) { value, reading in
    var capabilities: [Capability] = []
    var isGood = true
    for part in value.listParts {
      let text = part.text.lowercased()
      let name = text.hasPrefix("cap_") ? String(text.dropFirst(4)) : text
      if let capability = Capability(rawValue: name) {
        capabilities.append(capability)
      } else {
        reading.error(
          part.place, "\(quoted(part.text)) is no capability",
          hint: reading.hint(for: name, among: Capability.allCases.map(\.rawValue))
            ?? "capabilities(7) lists them, such as `net_bind_service`")
        isGood = false
      }
    }
    return isGood ? capabilities : nil
  }
}
