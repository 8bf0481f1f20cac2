import SupervProtocol
import Testing

/// What programs send with sd_notify(3).
@Suite struct NotificationTests {
  private func read(_ text: String) -> Notification { Notification(Array(text.utf8).span) }

  @Test func knownNames() {
    let all = read(
      "READY=1\nSTATUS=warm: 3 of 4\nWATCHDOG=1\nEXTEND_TIMEOUT_USEC=2500000\nMAINPID=4711\n")
    #expect(all.state == .ready && all.watchdog == .alive && all.status == "warm: 3 of 4")
    #expect(all.extendedTimeout == .milliseconds(2500) && all.mainPid == 4711)
    #expect(all.badLineCount == 0)
    #expect(read("RELOADING=1\nMONOTONIC_USEC=17").state == .reloading)
    #expect(read("STOPPING=1").state == .stopping)
    #expect(read("WATCHDOG=trigger").watchdog == .trigger)
    #expect(read("STATUS=").status == "")
    #expect(read("STATUS=a=b").status == "a=b")
  }

  @Test func unknownNamesAreIgnored() {
    let unknown = read("FDSTORE=1\nBARRIER=1\nX_\(String(repeating: "Y", count: 40))=1\nready=1\n")
    #expect(unknown == Notification([UInt8]().span))
  }

  @Test func lastOneCounts() {
    #expect(read("READY=1\nRELOADING=1").state == .reloading)
    #expect(read("RELOADING=1\nREADY=1").state == .ready)
    #expect(read("STATUS=a\n\n\nSTATUS=b").status == "b")
  }

  @Test(arguments: [
    "READY", "=1", "READY=0", "READY=", "READY=1 ", "STOPPING=yes", "WATCHDOG=2", "WATCHDOG=",
    "WATCHDOG=triggered", "EXTEND_TIMEOUT_USEC=", "EXTEND_TIMEOUT_USEC=-1",
    "EXTEND_TIMEOUT_USEC=1s", "EXTEND_TIMEOUT_USEC=9223372036854775808",
    "EXTEND_TIMEOUT_USEC=99999999999999999999999", "MAINPID=0", "MAINPID=4294967296", "MAINPID=x",
  ])
  func badLinesAreCounted(line: String) {
    let notification = read("STATUS=ok\n\(line)\nMAINPID=7")
    #expect(notification.badLineCount == 1)
    #expect(notification.state == nil && notification.watchdog == nil)
    #expect(notification.extendedTimeout == nil)
    #expect(notification.status == "ok" && notification.mainPid == 7)
  }

  @Test func statusIsCutBetweenCharacters() {
    let limit = Notification.maximumStatusBytes
    #expect(read("STATUS=" + String(repeating: "x", count: limit)).status?.utf8.count == limit)
    #expect(read("STATUS=" + String(repeating: "x", count: limit + 1)).status?.utf8.count == limit)
    let wide = read("STATUS=" + String(repeating: "€", count: 400)).status
    #expect(wide == String(repeating: "€", count: limit / 3))
    // What is no UTF-8 is shown as such.
    let broken = Notification((Array("STATUS=a".utf8) + [0xFF]).span)
    #expect(broken.status == "a\u{FFFD}")
  }

  @Test func anythingIsRead() {
    for length in 0..<200 {
      var random = UInt64(length) &* 0x9E37_79B9_7F4A_7C15
      let bytes = (0..<length).map { _ -> UInt8 in
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Array("READY=1\nSTATUS\u{0}x".utf8)[Int(random >> 33) % 16]
      }
      _ = Notification(bytes.span)
    }
  }
}
