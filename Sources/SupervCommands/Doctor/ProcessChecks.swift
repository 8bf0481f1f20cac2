import SupervSystem

/// Which process superv is, and how it sees others.
let processChecks = [
  Check(name: "user") { examination in
    let held = Capabilities.Capability.allCases.filter { examination.capabilities.has($0) }
    let names = held.map(\.name).joined(separator: ", ")
    return .inForce(
      "superv runs as \(Processes.ownUser), "
        + (held.isEmpty ? "without capabilities" : "with \(names)"))
  },
  Check(name: "init") { _ in
    // Only process 1 can tell that it is: for others there is nothing to be said.
    InitRole.isOurs ? .inForce("superv is process 1, and reaps every orphan") : nil
  },
  Check(name: "proc") { examination in
    guard InitRole.seesOwnProcesses else {
      return .missing(
        "/proc shows the processes of another pid namespace",
        advice: "mount it anew in this one (unshare --mount-proc does)")
    }
    let mount = examination.mounts.mount(holding: "/proc")
    let hiding = mount?.options.last { $0.hasPrefix("hidepid=") && $0 != "hidepid=0" }
    guard let hiding, Processes.ownUser != 0 else { return .inForce("/proc is mounted") }
    return .inForce("/proc is mounted with \(hiding): processes of other users are not seen")
  },
  Check(name: "pidfd") { _ in
    KernelFeatures.processDescriptors == .none
      ? .missing(
        "the kernel has no process descriptors to wait for, or a filter of system calls hides them",
        advice: "superv needs Linux 5.4, and pidfd_open, waitid and pidfd_send_signal")
      : .inForce("agents are watched and signalled by process descriptors")
  },
  Check(name: "exit_status") { _ in
    KernelFeatures.processDescriptors == .waitingAndExitStatus
      ? .inForce("how a process ended is known even where somebody else reaped it")
      : .notAvailable(
        "how a process ended is known only to the one that reaps it (Linux 6.15 tells everybody)")
  },
  Check(name: "subreaper") { _ in
    if InitRole.isOurs { return .inForce("process 1 needs to be none: orphans come to it") }
    return KernelFeatures.hasSubreapers
      ? .inForce("what agents leave behind comes to superv")
      : .missing(
        "the kernel does not let orphans come to superv", advice: "allow PR_SET_CHILD_SUBREAPER")
  },
]
