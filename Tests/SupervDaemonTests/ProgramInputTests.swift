import SupervConfig
import SupervDaemon
import SupervSystem
import Testing

/// What programs read at their standard inputs, and files that are read and cleared.
@Suite(.serialized) struct ProgramInputTests {
  @Test func whatIsWrittenIsReadInOrder() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        let launch = played.launch("exec head -c 3000000")
        _ = try played.kernel.start(launch)
        let content = sampleBytes(3_000_000)
        var offset = 0
        while offset < content.count {
          let piece = Array(content[offset..<min(content.count, offset + 300_000)])
          try played.turn("there is room") { played.kernel.writeInput(piece, to: launch.key) }
          offset += piece.count
        }
        try played.turn("it ends") { played.hasEnded }
        try demand(played.output() == content, "\(played.output().count)")
        try demand(!played.kernel.writeInput([1], to: launch.key), "it has ended")
        try demand(!played.inputWasClosed, "it has read everything")
        played.kernel.finish()
      }
    }
  }

  @Test func whoDoesNotReadGetsOneMegabyte() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        let launch = played.launch("exec sleep 1000")
        _ = try played.kernel.start(launch)
        let piece = [UInt8](repeating: 1, count: 64 << 10)
        var count = 0
        while played.kernel.writeInput(piece, to: launch.key), count < 1000 { count += 1 }
        // What its pipe holds, and the queue.
        try demand(count == 17, "\(count)")
        try demand(!played.kernel.writeInput(piece + piece, to: launch.key), "more than fits")
        try demand(
          !played.kernel.writeInput([UInt8](repeating: 1, count: 2 << 20), to: launch.key),
          "too much"
        )
        played.turn()
        played.kernel.kill(launch.key)
        // Before that it may be told that nobody reads any more: who dies closes what it has first.
        try played.turn("it ends") { played.hasEnded }
        played.kernel.finish()
      }
    }
  }

  @Test func whoClosesItsInputIsToldOf() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        let launch = played.launch(
          """
          touch runs; while [ ! -e go ]; do sleep 0.01; done
          exec </dev/null; touch closed; exec sleep 1000
          """)
        _ = try played.kernel.start(launch)
        let piece = [UInt8](repeating: 1, count: 100_000)
        try demand(played.kernel.writeInput(piece, to: launch.key), "it has an input")
        try folder.write("go")
        try played.turn("it is told") { played.inputWasClosed }
        try demand(!played.kernel.writeInput([1], to: launch.key), "it reads something else")
        played.kernel.kill(launch.key)
        try played.turn("it ends") { played.hasEnded }
        played.kernel.finish()
      }
    }
  }

  /// Whoever has put something else there, or was never given a pipe, gets nothing.
  @Test func onlyThePipeOfSupervIsWrittenTo() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        let scripts = [
          "exec <&-; touch ready; exec sleep 1000", "exec </dev/null; touch ready; exec sleep 1000",
          "(touch ready; exec sleep 1000) | exec sh -c 'sleep 1000; exec sleep 1'",
          "mkfifo f; (exec sleep 1000 >f) & exec <f; touch ready; exec sleep 1000",
        ]
        for (index, script) in scripts.enumerated() {
          let launch = played.launch(script, incarnation: UInt64(index + 1))
          _ = try played.kernel.start(launch)
          let ready = "\(folder.path)/ready"
          try played.turn("it runs") { try Files.status(of: ready) != nil }
          let isTaken = played.kernel.writeInput([1], to: launch.key)
          // The shell of a pipeline keeps its own.
          try demand(isTaken == (index == 2), script)
          played.kernel.kill(launch.key)
          try played.turn("it ends") { played.endCount == index + 1 }
          try Files.remove(ready)
        }
        let agent = played.launch("exec sleep 1000", incarnation: 10) {
          $0.standardInput = .path("/dev/null")
        }
        _ = try played.kernel.start(agent)
        try demand(!played.kernel.writeInput([1], to: agent.key), "an agent has no such input")
        played.kernel.kill(agent.key)
        played.kernel.finish()
      }
    }
  }

  /// The process that reads is nobody's orphan, and is not reaped as one.
  @Test func filesAreReadBesideOrphans() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        try Files.replace("\(folder.path)/a", with: Array("content".utf8).span)
        func read(_ number: UInt64) throws {
          played.kernel.readFile(FileReadID(number: number), "\(folder.path)/a", .last(4))
          try played.turn("it is read") { played.readings.count == Int(number) }
          guard case .bytes(let bytes, 7, _) = played.readings.last,
            bytes == Array("tent".utf8)
          else { throw Unplayable("\(played.readings)") }
        }
        try read(1)
        let helper = try played.child("superv", "read")
        let launch = played.launch("for i in 1 2 3; do (sleep 0 &); done; sleep 0.3")
        _ = try played.kernel.start(launch)
        try played.turn("it ends") { played.hasEnded }
        for _ in 0..<20 { played.turn() }
        try read(2)
        try demand(try !helper.wait(timeoutMilliseconds: 0), "the same one reads")
        try Processes.send(.kill, to: helper)
        played.kernel.readFile(FileReadID(number: 3), "\(folder.path)/a", .last(4))
        try played.turn("something is said") { played.readings.count == 3 }
        try read(4)
        played.kernel.finish()
      }
    }
  }

  @Test func aLogThatIsClearedBeginsAnew() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        let launch = played.launch(
          "echo one; while [ ! -e go ]; do sleep 0.01; done; echo two", taps: [])
        _ = try played.kernel.start(launch)
        try played.turn("it runs") { played.text(of: "out") == "one\n" }
        played.kernel.clearLog("\(folder.path)/logs/out")
        try played.turn("it is gone") { played.file("out").isEmpty }
        try folder.write("go")
        try played.turn("it ends") { played.hasEnded }
        played.kernel.finish()
        try demand(played.text(of: "out") == "two\n", played.text(of: "out"))
      }
    }
  }
}
