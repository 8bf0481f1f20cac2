import SupervConfig
import SupervDaemon
import SupervSystem
import Testing

/// Outputs that the daemon reads, and what it gives to their logs.
@Suite(.serialized) struct TapTests {
  @Test func allComesBeforeTheEnd() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        // Several times what a pipe holds, and at last more than one read takes.
        _ = try played.kernel.start(
          played.launch("seq 100000; echo no >&2; printf last"))
        try played.turn("it ends") { played.hasEnded }
        let expected = (1...100_000).map { "\($0)\n" }.joined() + "last"
        try demand(played.outputText == expected, "\(played.outputText.utf8.count) bytes")
        try demand(played.output(.stderr).isEmpty, "what is not tapped goes to the logger")
        let other = played.launch("echo 1; echo 2 >&2", incarnation: 2, taps: [.stderr])
        _ = try played.kernel.start(other)
        try played.turn("the other one ends") { played.endCount == 2 }
        played.turn()
        played.kernel.finish()
        try demand(
          played.text(of: "out") == expected + "1\n", "\(played.text(of: "out").utf8.count)")
        try demand(played.text(of: "err") == "no\n2\n", played.text(of: "err"))
      }
    }
  }

  /// Both outputs are one pipe, in the order in which they were written.
  @Test func redirectedErrorsComeWithTheOutput() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        _ = try played.kernel.start(
          played.launch("echo 1; echo 2 >&2; echo 3") { $0.program?.redirectsErrors = true })
        try played.turn("it ends") { played.hasEnded }
        try demand(played.outputText == "1\n2\n3\n", played.outputText)
        played.kernel.finish()
        try demand(played.text(of: "out") == "1\n2\n3\n", played.text(of: "out"))
        try demand(played.file("err").isEmpty, "nobody has written there")
      }
    }
  }

  /// It floods as fast as it can, and is read no faster than it is written: nothing is dropped.
  @Test func aFloodWaitsForTheLogger() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        _ = try played.kernel.start(
          played.launch("dd if=/dev/zero bs=65536 count=640 2>/dev/null | tr '\\0' x"))
        try played.turn("it ends") { played.hasEnded }
        try demand(played.output().count == 640 << 16, "\(played.output().count)")
        played.kernel.finish()
        try demand(played.file("out").count == 640 << 16, "\(played.file("out").count)")
      }
    }
  }

  /// A disk that hangs keeps nobody from being heard, and what does not fit is counted.
  @Test func aFrozenLoggerCostsLinesAndNothingElse() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        _ = try played.kernel.start(
          played.launch("echo first; while [ ! -e go ]; do sleep 0.01; done; seq 1000000; echo end")
        )
        try played.turn("it runs") { played.text(of: "out") == "first\n" }
        let logger = try played.child("superv", "logger")
        try Processes.send(.stop, to: logger)
        try folder.write("go")
        try played.turn("it ends") { played.hasEnded }
        let expected = "first\n" + (1...1_000_000).map { "\($0)\n" }.joined() + "end\n"
        try demand(played.outputText == expected, "\(played.outputText.utf8.count)")
        try Processes.send(.resume, to: logger)
        played.turn()
        played.kernel.finish()
        let written = played.text(of: "out")
        try demand(written.hasPrefix("first\n1\n2\n") && written.utf8.count > 500_000, "the first")
        let mark = written.split(separator: "\n").first { $0.contains(" -- superv: ") } ?? ""
        try demand(mark.hasSuffix("dropped: more than the logger could take --"), "\(mark)")
      }
    }
  }

  /// What the dead leader has left behind is heard until it is killed, and never after the end.
  @Test func nothingComesAfterTheEnd() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        let script = "setsid sh -c 'echo $$ >pid; while :; do echo spam; done' & sleep 0.1; echo x"
        _ = try played.kernel.start(played.launch(script) { $0.detachIsAllowed = true })
        try played.turn("it ends") { played.hasEnded }
        let count = played.events.count
        for _ in 0..<10 { played.turn() }
        for case .output in played.events[count...] { throw Unplayable("something came late") }
        try demand(played.outputText.contains("x\n"), "the last word")
        let pid = try Files.readText("\(folder.path)/pid").filter { !$0.isWhitespace }
        if let left = try Processes.open(pid: Int32(pid) ?? 0) {
          try Processes.send(.kill, to: left)
        }
        try Files.remove("\(folder.path)/pid")
        played.kernel.finish()
      }
    }
  }

  @Test func theNextDaemonReadsOnAndWritesOn() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let script = """
          echo one; echo two >&2; while [ ! -e alone ]; do sleep 0.01; done
          echo three; touch said; while [ ! -e go ]; do sleep 0.01; done; read line; echo $line
          """
        var played: PlayedKernel? = try PlayedKernel(folder)
        var launch = try demandNotNil(played).launch(script)
        let facts = try demandNotNil(played).kernel.start(launch)
        launch.environment = []
        try demandNotNil(played).turn("it runs") {
          played?.text(of: "out") == "one\n" && played?.text(of: "err") == "two\n"
        }
        played = nil
        try folder.write("alone")
        while try Files.status(of: "\(folder.path)/said") == nil { pause(milliseconds: 1) }
        let next = try PlayedKernel(folder)
        try demand(next.kernel.adopt(facts, as: launch), "it is not adopted")
        try next.turn("it is heard") { next.outputText == "three\n" }
        try demand(next.kernel.writeInput(Array("four\n".utf8), to: launch.key), "no input")
        try folder.write("go")
        try next.turn("it ends") { next.hasEnded }
        try demand(next.outputText == "three\nfour\n", next.outputText)
        next.turn()
        next.kernel.finish()
        try demand(next.text(of: "out") == "one\nthree\nfour\n", next.text(of: "out"))
        try demand(next.text(of: "err") == "two\n", next.text(of: "err"))
        for case .logger(let report) in next.events { throw Unplayable("\(report)") }
      }
    }
  }

  /// Nothing was written down of it but its pid.
  @Test func outputsAreFoundWithoutTheirNumbers() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        var played: PlayedKernel? = try PlayedKernel(folder)
        let launch = try demandNotNil(played).launch(
          "echo one; while [ ! -e go ]; do sleep 0.01; done; echo two; echo three >&2",
          taps: [.stdout, .stderr])
        var facts = try demandNotNil(played).kernel.start(launch)
        facts.outputInodes = []
        try demandNotNil(played).turn("it runs") { played?.outputText == "one\n" }
        played = nil
        let next = try PlayedKernel(folder)
        try demand(next.kernel.adopt(facts, as: launch), "it is not adopted")
        try folder.write("go")
        try next.turn("it ends") { next.hasEnded }
        try demand(next.outputText == "two\n", next.outputText)
        try demand(next.output(.stderr) == Array("three\n".utf8), "\(next.output(.stderr))")
        next.kernel.finish()
      }
    }
  }
}

func demandNotNil<Value>(_ value: Value?, line: Int = #line) throws(Unplayable) -> Value {
  guard let value else { throw Unplayable("line \(line): nothing there") }
  return value
}
