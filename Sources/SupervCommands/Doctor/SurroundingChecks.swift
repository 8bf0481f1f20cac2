import SupervConfig
import SupervSystem

/// What a container may be without, and superv does without as well.
let checksOfContainers = [nullCheck, clockCheck]

let surroundingChecks = [
  nullCheck,
  clockCheck,
  Check(name: "open_files") { examination in openFiles(examination) },
  Check(name: "registry") { examination in registry(examination.environment) },
]

private let nullCheck = Check(name: "dev_null") { _ in
  let make = "mount a /dev, or mknod -m 666 /dev/null c 1 3"
  do throws(SystemError) {
    try Files.check([.read, .write], of: "/dev/null")
    if try Files.status(of: "/dev/null")?.kind == .characterDevice {
      return .inForce("agents read /dev/null as standard input")
    }
    return .notAvailable("/dev/null is a file: agents read there what others wrote", advice: make)
  } catch {
    return .notAvailable(
      "/dev/null (\(errorText(error.code))): agents read an empty pipe in its place", advice: make)
  }
}

/// Older than superv itself: a machine without a battery that nobody has told the time.
private let clockCheck = Check(name: "clock") { _ in
  let year2025Nanoseconds: Int64 = 1_735_689_600_000_000_000
  return Clock.realTimeNanoseconds < year2025Nanoseconds
    ? .notAvailable(
      "the clock is not set: the times in logs and events are wrong", advice: "set it")
    : .inForce("it is set; when it jumps, only the times in logs and events do")
}

/// Descriptors that superv needs for itself, and for each agent (docs/operations.md).
private let ownDescriptorCount = 64
private let descriptorsPerAgent = 7

private func openFiles(_ examination: Examination) -> Finding {
  guard let limit = try? ProcessLimit.current(.nofile) else {
    return .notAvailable("the limit cannot be read")
  }
  let hard = limit.hard == ProcessLimit.unlimited ? "no limit" : "at most \(limit.hard)"
  let found = "\(hard), agents get \(limit.soft)"
  guard let count = examination.configuration?.agents.count else { return .inForce(found) }
  let needed = UInt64(ownDescriptorCount + descriptorsPerAgent * count)
  guard limit.hard < needed else { return .inForce("\(found); \(count) agents need \(needed)") }
  return .missing(
    "\(found), and \(count) agents need \(needed)",
    advice: "raise the hard limit: LimitNOFILE= under systemd, --ulimit nofile= in a container")
}

private func registry(_ environment: [String: String]) -> Finding {
  let folder = Registry(environment: environment).directory
  let advice = "name the control socket: SUPERV_CONTROL, or --socket PATH"
  if let path = environment["SUPERV_CONTROL"], !path.isEmpty {
    return .inForce("SUPERV_CONTROL names the control socket: \(path)")
  }
  do {
    try mayUse(folder)
    return .inForce("commands find the daemon by \(folder)")
  } catch {
    return .notAvailable("commands do not find the daemon: \(error)", advice: advice)
  }
}

/// Returns when the folder can be written to, or made.
func mayUse(_ folder: String) throws(SystemError) {
  var place = folder
  while try Files.status(of: place) == nil, place != "/" { place = Files.parent(of: place) }
  try Files.check([.write, .execute], of: place)
}
