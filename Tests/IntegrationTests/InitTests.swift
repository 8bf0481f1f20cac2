import SupervSystem
import Testing

/// superv as process 1 of pid namespaces, with more and with less around it.
@Suite(.aside) struct InitTests {
  /// An agent that leaves 60 children to process 1, each in a session of its own.
  private static let thrower = """
    [agent:thrower]
    command = sh -c 'for i in $(seq 60); do (setsid sh -c "sleep 0.1; exit 3" &); done; \
    echo thrown; exec sleep 1000'
    startsecs = 0

    """

  /// A read-only root with nothing in `/run` and `/dev`, and one place to write to, from which
  /// nothing can be executed: `/mnt`, with the configuration.
  ///
  /// - Parameter isBare: whether `/proc` and `/dev/null` are missing too.
  private static func room(_ last: String, isBare: Bool = false) -> String {
    """
    mount --make-rprivate /
    mkdir "$folder/box"
    mount --rbind / "$folder/box"
    cd "$folder/box"
    mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 tmpfs mnt
    cp "$folder/superv.conf" mnt
    for empty in run dev \(isBare ? "proc" : ""); do mount -t tmpfs -o mode=755 tmpfs $empty; done
    \(isBare ? "" : "touch dev/null; mount --bind /dev/null dev/null")
    mount -o remount,bind,ro .
    \(last)
    """
  }

  private static let unprivileged =
    "setpriv --reuid 12345 --regid 12345 --clear-groups --bounding-set=-all --no-new-privs"

  @Test("the tree comes up, orphans leave no zombie, TERM stops it in order")
  func reaps() throws {
    guard try canContain("superv as process 1") else { return }
    try withSuperv(sleepers("a", "b") + Self.thrower) { superv in
      try withContainer(superv, "exec $superv start $folder/superv.conf") { container in
        try eventually("orphans are thrown") { container.output.contains("thrower | thrown") }
        try eventually("none of them is left, nor a zombie") {
          let names = try container.processes.map(\.command)
          return try container.processes.allSatisfy { $0.state != "Z" }
            && names.filter { $0 == "sleep" }.count == 3
        }
        let socket = superv.controlSocket
        #expect(try superv("status", "--socket", socket, "--wait", "ready").code == 0)
        try container.send(.terminate)
        #expect(try container.end().code == 0)
        #expect(superv.read("state/logs/events.ndjson").contains(#""reason":"SIGTERM""#))
      }
    }
  }

  @Test("every signal that ends containers is taken, and others do nothing")
  func signals() throws {
    guard try canContain("signals to process 1") else { return }
    for signal in [Signal.interrupt, .quit, .powerFailure, .initStop] {
      try withSuperv(sleepers("a")) { superv in
        try withContainer(superv, "exec $superv start $folder/superv.conf") { container in
          let socket = superv.controlSocket
          try eventually("superv serves") {
            try superv("status", "--socket", socket, "--wait", "ready").code == 0
          }
          try container.send(.user1)
          try container.send(.user2)
          #expect(try superv("status", "--socket", socket).code == 0)
          try container.send(signal)
          #expect(try container.end().code == 0, "\(signal)")
        }
      }
    }
  }

  @Test("what asks superv to stop before it can listen is not lost")
  func earlySignal() throws {
    guard try canContain("an early signal to process 1") else { return }
    try withSuperv(sleepers("a")) { superv in
      // Blocked, it is still pending when superv begins, as one is that comes a moment later.
      let script = """
        exec env --block-signal=TERM sh -c \
        'kill -TERM 1; exec "$superv" start "$folder/superv.conf"'
        """
      let answer = try runContainer(superv, script)
      #expect(answer.code == 0, "\(answer.errors)")
      #expect(superv.read("state/logs/events.ndjson").contains("daemon.stopping"))
    }
  }

  @Test("a critical child that fails ends process 1, with status 1")
  func critical() throws {
    guard try canContain("a critical child under process 1") else { return }
    let needed = "[agent:needed]\ncommand = sh -c 'exit 9'\nrestart = temporary\ncritical = yes\n"
    try withSuperv(sleepers("a") + needed) { superv in
      let answer = try runContainer(superv, "exec $superv start $folder/superv.conf")
      #expect(answer.code == 1)
      #expect(answer.errors.contains("stopped: critical needed failed"))
    }
  }

  @Test("a user without name and privileges, a read-only root, noexec, nothing open")
  func unprivileged() throws {
    guard try canContain("a small container") else { return }
    try withSuperv(sleepers("a", keys: "directory = /") + Self.thrower) { superv in
      let start = "chroot . \(Self.unprivileged) env -i $superv start /mnt/superv.conf"
      let readable = try shell("\(Self.unprivileged) \(Superv.executable) version")
      guard readable.code == 0 else {
        return notTested("a container's user", because: "others may not execute this superv")
      }
      try withContainer(superv, Self.room("exec <&- >&- 2>&- \(start)")) { container in
        try eventually("orphans are thrown") {
          container.read("/mnt/state/logs/thrower.log").contains("thrown")
        }
        #expect(try container.status("Uid") == "12345 12345 12345 12345")
        for set in ["CapPrm", "CapEff", "CapBnd"] {
          #expect(try container.status(set) == "0000000000000000", "\(set)")
        }
        #expect(try container.status("NoNewPrivs") == "1")
        for number in 0...2 {
          #expect(try container.descriptor(number).hasSuffix("/dev/null"), "\(number)")
        }
        try eventually("no zombie is left") {
          try container.processes.allSatisfy { $0.state != "Z" }
        }
        try container.send(.terminate)
        #expect(try container.end().code == 0)
      }
    }
  }

  @Test("without /proc and /dev it says what is missing, and runs")
  func bare() throws {
    guard try canContain("an empty container") else { return }
    let reader = "[agent:reader]\ncommand = sh -c 'cat; echo the end; exec sleep 1000'\n"
    try withSuperv(reader) { superv in
      let start = "exec chroot . env -i PATH=$PATH $superv start /mnt/superv.conf"
      try withContainer(superv, Self.room(start, isBare: true)) { container in
        try eventually("what an agent reads has an end") {
          container.output.contains("reader | the end")
        }
        #expect(container.errors.contains("/proc was not mounted; it is now"))
        #expect(container.errors.contains("missing: /dev/null"))
        #expect(container.errors.contains("commands have to name the socket"))
        try container.send(.terminate)
        #expect(try container.end().code == 0)
      }
    }
  }

  @Test("where /proc is missing and cannot be had, one line says so")
  func noProc() throws {
    guard try canContain("superv without /proc") else { return }
    try withSuperv(sleepers("a")) { superv in
      let others = "mount -t tmpfs tmpfs /proc; $superv version || exit 41; exit 0"
      let first = "mount -t tmpfs tmpfs /proc; exec \(Self.unprivileged) $superv version"
      for (script, status) in [(others, Int32(41)), (first, Int32(1))] {
        let answer = try runContainer(superv, script)
        #expect(answer.code == status && answer.output.isEmpty)
        #expect(answer.errors.contains("superv: /proc is not mounted"), "\(answer.errors)")
        #expect(answer.errors.split(separator: "\n").count == 1)
      }
    }
  }

  @Test("the /proc of another namespace is refused: its pids are other processes")
  func foreignProc() throws {
    guard try canContain("another namespace's /proc") else { return }
    try withSuperv(sleepers("a")) { superv in
      for command in ["start", "run"] {
        let script = "exec $superv \(command) $folder/superv.conf"
        let answer = try runContainer(superv, mountsProc: false, script)
        #expect(answer.code == 1)
        #expect(answer.errors.contains("another pid namespace"))
      }
      let answer = try runContainer(superv, mountsProc: false, "$superv doctor || exit 41")
      #expect(answer.code == 41 && answer.output.contains("MISSING"))
    }
  }
}
