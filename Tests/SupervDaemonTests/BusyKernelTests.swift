import SupervConfig
import SupervDaemon
import SupervSystem
import SupervisionTree
import Testing

/// Where every turn has calls to pass on, the parts of the kernel are asked only when one of them
/// may have something to do. None may be left waiting for a turn without calls.
@Suite(.serialized) struct BusyKernelTests {
  @Test func whatIsBegunUnderCallsIsFinished() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        let kernel = played.kernel
        let talker = try played.connect()
        try beBusy(played, talker)

        let launch = played.launch("read line; echo $line; echo no >&2")
        _ = try kernel.start(launch)
        try demand(kernel.writeInput(Array("hello\n".utf8), to: launch.key), "it reads")
        try played.busyTurns(talker, "it ends") { played.hasEnded }
        try demand(played.outputText == "hello\n", played.outputText)
        try played.busyTurns(talker, "the logger writes") { played.text(of: "err") == "no\n" }

        try beBusy(played, talker)
        kernel.writeEvent(Array("{}".utf8))
        try played.busyTurns(talker, "the event is written") {
          played.text(of: "events.ndjson") == "{}\n"
        }

        try beBusy(played, talker)
        kernel.readFile(FileReadID(number: 1), "\(folder.path)/logs/err", .last(10))
        try played.busyTurns(talker, "it is read") { !played.readings.isEmpty }

        try beBusy(played, talker)
        // One that is over at once, and one that takes some time.
        let nobody = "\(folder.path)/nobody.sock"
        kernel.startProbe(ProbeID(number: 1), .unix(path: nobody), as: launch)
        try played.busyTurns(talker, "the probe ends") { played.probeEnds == 1 }
        try beBusy(played, talker)
        kernel.startProbe(ProbeID(number: 2), .command(["/bin/true"]), as: launch)
        try played.busyTurns(talker, "the other one ends") { played.probeEnds == 2 }

        try beBusy(played, talker)
        kernel.beginSurvey()
        try played.busyTurns(talker, "everybody is asked") { played.hasSurvey }

        try beBusy(played, talker)
        kernel.clearLog("\(folder.path)/logs/err")
        try played.busyTurns(talker, "the log is cleared") { played.file("err").isEmpty }
        kernel.finish()
      }
    }
  }

  @Test func whatComesFromOutsideIsTaken() async {
    await #expect(processExitsWith: .success) {
      try play { folder in
        let played = try PlayedKernel(folder)
        let kernel = played.kernel
        let talker = try played.connect()
        let launch = played.launch("exec sleep 1000")
        let process = try kernel.start(launch)
        try beBusy(played, talker)

        let socket = try UnixSocket.connect(to: "\(folder.path)/notify.sock", kind: .datagrams)
        try socket.writeAll("READY=1")
        try played.busyTurns(talker, "it is taken") { played.notificationCount == 1 }

        try beBusy(played, talker)
        kernel.setAlarm(at: kernel.now + .milliseconds(50))
        try played.busyTurns(talker, "the alarm fires") { played.hasAlarm }

        try beBusy(played, talker)
        _ = try Processes.send(.kill, toGroup: process.pid)
        try played.busyTurns(talker, "its end is seen") { played.hasEnded }
        kernel.finish()
      }
    }
  }
}

/// Until nobody is asked any more.
private func beBusy(_ played: PlayedKernel, _ talker: borrowing Descriptor) throws {
  try played.busyTurns(talker, "nothing else is going on") { played.kernel.isQuiet }
}
