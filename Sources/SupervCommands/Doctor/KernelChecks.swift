import SupervSystem

/// What the kernel offers to hold agents.
let kernelChecks = [
  Check(name: "cgroup") { examination in controlGroup(examination.mounts) },
  Check(name: "landlock") { _ in
    switch LandlockRules.version {
    case nil:
      .notAvailable(
        "the kernel has none (Linux 5.13), does not list it in lsm=, or a filter hides it: agents "
          + "can signal and look into each other")
    case let version? where version < LandlockRules.Since.signals:
      .inForce(
        "version \(version): agents can be kept from files, and from looking into each other, not "
          + "from signals (Linux 6.12)")
    case let version?:
      .inForce("version \(version): agents can be kept from each other, from files and from ports")
    }
  },
  Check(name: "no_new_privs") { _ in
    KernelFeatures.hasNoNewPrivileges
      ? .inForce("set-user-ID programs do not change who superv and its agents are")
      : .available("superv itself was started without it")
  },
  Check(name: "seccomp") { _ in
    switch statusNumber("Seccomp:") {
    case 0: .available("no system calls are filtered")
    case 1, 2: .inForce("system calls of superv and its agents are filtered")
    default: .notAvailable("the kernel has none")
    }
  },
  Check(name: "inotify") { _ in
    (try? FileWatch()) == nil
      ? .notAvailable(
        "no watch of files can be made: superv logs -f looks again after a while",
        advice: "see /proc/sys/fs/inotify")
      : .inForce("superv logs -f is told of new lines")
  },
]

private func statusNumber(_ field: String) -> Int? {
  let text = (try? Files.readText("/proc/self/status", maximumBytes: 64 << 10)) ?? ""
  let line = text.split(separator: "\n").first { $0.hasPrefix(field) }
  return line.flatMap { Int($0.dropFirst(field.count).filter { $0.isNumber }) }
}

/// Where this process is in the second hierarchy, and whether it may make groups there.
private func controlGroup(_ mounts: MountTable) -> Finding {
  guard let mount = mounts.first(ofKind: "cgroup2") else {
    return .notAvailable(
      "no cgroup version 2 is mounted",
      advice: "boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2 none "
        + "/sys/fs/cgroup")
  }
  guard let place = ownGroup(mount) else {
    return .notAvailable("\(mount.point) does not hold superv's own group")
  }
  let controllers = words(of: "\(place)/cgroup.controllers")
  let names = controllers.isEmpty ? "no controllers" : controllers.joined(separator: ", ")
  do {
    try Files.check([.write, .execute], of: place)
    try Files.check(.write, of: "\(place)/cgroup.procs")
  } catch {
    return .notAvailable(
      "\(place) (\(names)) cannot be written to: \(errorText(error.code))",
      advice: "delegate it: Delegate=yes under systemd, a writable cgroup mount in a container")
  }
  // The root group of a hierarchy has no cgroup.kill: look where groups would be made.
  let canKill = place == mount.point || exists("\(place)/cgroup.kill")
  return .available("\(place), with \(names)\(canKill ? "" : ", without cgroup.kill (Linux 5.14)")")
}

private func exists(_ path: String) -> Bool { (try? Files.status(of: path)) != nil }

private func words(of path: String) -> [String] {
  ((try? Files.readText(path, maximumBytes: 4096)) ?? "")
    .split(whereSeparator: \.isWhitespace).map(String.init)
}

/// Its folder (cgroups(7), `/proc/PID/cgroup`); nil where that is not below the mount.
private func ownGroup(_ mount: MountTable.Mount) -> String? {
  let text = (try? Files.readText("/proc/self/cgroup", maximumBytes: 64 << 10)) ?? ""
  guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::") }) else {
    return nil
  }
  var path = String(line.dropFirst(3))
  if mount.root != "/", path.hasPrefix(mount.root) {
    path = String(path.dropFirst(mount.root.count))
  }
  let place = path == "/" || path.isEmpty ? mount.point : mount.point + path
  return exists(place) ? place : nil
}
