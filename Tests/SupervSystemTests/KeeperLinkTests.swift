import SupervSystem
import Testing

@Suite struct KeeperLinkTests {
  @Test(arguments: [
    KeeperRequest.beginning, .serving, .again, .store(name: "control"),
    .spare(pids: [1, 4_194_304]),

    .notify("READY=1\nSTATUS=1 agent, 1 up"), .reap(pid: 7), .execute(path: "/a path/superv"),
    .done(status: 1),
  ]) func aRequestIsReadAsItWasWritten(request: KeeperRequest) {
    #expect(KeeperRequest(words: request.words) == request)
  }

  @Test(arguments: ["", "serving now", "spare 1 x", "reap", "done soon", "constellation"])
  func anythingElseIsNone(words: String) { #expect(KeeperRequest(words: words) == nil) }

  @Test func aDescriptorIsASocketByItsNameOrThePidfdOfAProcess() throws {
    let socket = InheritedDescriptor(name: "control", number: 7)
    #expect(socket.text == "control=7")
    #expect(InheritedDescriptor("control=7") == socket)
    #expect(socket.process == nil)
    let process = InheritedDescriptor(process: 4_194_304, number: 1000)
    #expect(InheritedDescriptor(Substring(process.text)) == process)
    #expect(process.process == 4_194_304)
    for wrong in ["control", "control=2", "control=x", "a=b=7"] {
      #expect(InheritedDescriptor(Substring(wrong)) == nil)
    }
  }
}
