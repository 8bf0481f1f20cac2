import Glibc
import SupervSystem
import Testing

@Suite struct UnixSocketTests {
  @Test func talksBothWays() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/socket"
    let listener = try UnixSocket.listen(at: path)
    #expect(try listener.accept() == nil)
    let client = try UnixSocket.connect(to: path)
    let server = try accepted(by: listener)
    let peer = try server.peerCredentials()
    #expect(peer.process == Processes.ownPid && peer.user == Processes.ownUser)
    try client.writeAll("hello")
    try client.finishWriting()
    #expect(try server.wait(timeoutMilliseconds: nil))
    #expect(try server.readAll() == [UInt8]("hello"))
    server.close()
    #expect(try client.readAll() == [])
  }

  @Test func peerProcessIsAPidfd() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/socket"
    let listener = try UnixSocket.listen(at: path)
    let client = try UnixSocket.connect(to: path)
    let server = try accepted(by: listener)
    guard let pidfd = try server.peerProcess() else {
      return notTested("SO_PEERPIDFD", because: "the kernel is older than 6.5")
    }
    #expect(
      try Files.readText("/proc/self/fdinfo/\(pidfd.number)").contains(
        "Pid:\t\(Processes.ownPid)\n"))
    client.close()
  }

  @Test(arguments: [0o600, 0o660] as [UInt32]) func hasItsModeFromBirth(mode: UInt32) throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/socket"
    let listener = try UnixSocket.listen(at: path, mode: mode)
    let status = try #require(try Files.status(of: path))
    #expect(status.kind == .socket && status.mode == mode)
    listener.close()
  }

  @Test func othersMayNotConnect() throws {
    guard isRoot else { return notTested("a stranger's connect", because: "we are not root") }
    let scratch = try Scratch()
    let path = "\(scratch.path)/socket"
    let listener = try UnixSocket.listen(at: path)
    var request = shell("[ -w \(path) ]")
    #expect(try run(request).status == .exited(code: 0))
    request.identity = .init(user: 65534, group: 65534)
    #expect(try run(request).status == .exited(code: 1))
    listener.close()
  }

  @Test(arguments: [UnixSocket.Kind.stream, .packets, .datagrams])
  func replacesOnlyWhatNobodyListensOn(kind: UnixSocket.Kind) throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/socket"
    let inUse = SystemError("bind", code: EADDRINUSE, subject: path)
    let first = try UnixSocket.listen(at: path, kind: kind)
    #expect(throws: inUse) { _ = try UnixSocket.listen(at: path, kind: kind) }
    #expect(throws: inUse) { _ = try UnixSocket.listen(at: path, kind: .packets) }
    _ = try UnixSocket.connect(to: path, kind: kind)
    first.close()
    onceCopiesAreClosed {
      do throws(SystemError) {
        _ = try UnixSocket.connect(to: path, kind: kind)
        return false
      } catch {
        return error == SystemError("connect", code: ECONNREFUSED, subject: path)
      }
    }
    let second = try UnixSocket.listen(at: path, kind: kind)
    _ = try UnixSocket.connect(to: path, kind: kind)
    second.close()
  }

  @Test func leavesOtherFilesAlone() throws {
    let scratch = try Scratch()
    let path = try scratch.write("precious", "data")
    #expect(throws: SystemError("bind", code: EADDRINUSE, subject: path)) {
      _ = try UnixSocket.listen(at: path)
    }
    #expect(try Files.readText(path) == "data")
  }

  @Test func fullQueueStillCountsAsListening() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/socket"
    let listener = try UnixSocket.listen(at: path, backlog: 0)
    let waiting = try UnixSocket.connect(to: path)
    #expect(throws: SystemError("connect", code: EAGAIN, subject: path)) {
      _ = try UnixSocket.connect(to: path, nonblocking: true)
    }
    #expect(throws: SystemError("bind", code: EADDRINUSE, subject: path)) {
      _ = try UnixSocket.listen(at: path)
    }
    waiting.close()
    listener.close()
  }

  @Test func pathsAtTheLimitAndBeyond() throws {
    let scratch = try Scratch()
    func connects(_ path: String) throws {
      let listener = try UnixSocket.listen(at: path)
      #expect(try Files.status(of: path)?.mode == 0o600)
      _ = try UnixSocket.connect(to: path)
      _ = try accepted(by: listener)
    }
    for length in [UnixSocket.longestPath, UnixSocket.longestPath + 1] {
      let padding = length - scratch.path.utf8.count - 1
      try connects("\(scratch.path)/" + String(repeating: "s", count: padding))
    }
    let deep = "\(scratch.path)/" + String(repeating: "d", count: 200)
    try Files.makeDirectories(deep)
    try connects("\(deep)/socket")
    try connects("\(deep)/socket")
    let long = "\(deep)/" + String(repeating: "s", count: 120)
    #expect(throws: SystemError("bind", code: ENAMETOOLONG, subject: long)) {
      _ = try UnixSocket.listen(at: long)
    }
    let missing = "\(scratch.path)/missing/" + String(repeating: "s", count: 107)
    #expect(throws: SystemError("open", code: ENOENT, subject: missing)) {
      _ = try UnixSocket.listen(at: missing)
    }
  }
}

@Suite struct MessageTests {
  @Test func descriptorsTravelWithBytes() throws {
    let scratch = try Scratch()
    let pair = try UnixSocket.pair()
    let one = try Files.open(scratch.write("one", "first file"), .readOnly)
    let two = try Files.open(scratch.write("two", "second file"), .readOnly)
    let sent = try pair.first.sendMessage(
      [UInt8]("take").span, passing: [one.number, two.number])
    #expect(sent == 4)
    var buffer = [UInt8](repeating: 0, count: 64)
    var message = try received(by: pair.second, into: &buffer)
    #expect(message.byteCount == 4 && !message.isTruncated && message.sender == nil)
    #expect(buffer[..<4] == [UInt8]("take")[...])
    #expect(try contents(&message) == ["first file", "second file"])
  }

  @Test func asManyAsFitAndOneMore() throws {
    let pair = try UnixSocket.pair()
    let one = try Files.open("/dev/null", .readOnly)
    let most = [Int32](repeating: one.number, count: Descriptor.maximumPerMessage)
    #expect(try pair.first.sendMessage([UInt8]("x").span, passing: most) == 1)
    var buffer = [UInt8](repeating: 0, count: 1)
    var message = try received(by: pair.second, into: &buffer)
    #expect(try contents(&message).count == Descriptor.maximumPerMessage && !message.isTruncated)
    #expect(throws: SystemError("sendmsg", code: EINVAL)) {
      _ = try pair.first.sendMessage([UInt8]("x").span, passing: most + [one.number])
    }
  }

  @Test func boundariesTruncationAndEnd() throws {
    try UnixSocket.pair(nonblocking: true).split { (left, right) throws in
      var buffer = [UInt8](repeating: 0, count: 4)
      var span = buffer.mutableSpan
      if try right.receiveMessage(into: &span) != nil { Issue.record("nothing was sent") }
      _ = try left.sendMessage([UInt8]("123456").span)
      _ = try left.sendMessage([UInt8]("7").span)
      left.close()
      for (count, truncated) in [(4, true), (1, false), (0, false)] {
        let message = try received(by: right, into: &buffer)
        #expect(message.byteCount == count && message.isTruncated == truncated)
      }
      #expect(throws: SystemError("sendmsg", code: EPIPE)) {
        _ = try right.sendMessage([UInt8]("x").span)
      }
    }
  }

  @Test func datagramsNameTheirSender() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/notify"
    let inbox = try UnixSocket.listen(at: path, kind: .datagrams)
    try inbox.receiveSenders()
    let outbox = try UnixSocket.connect(to: path, kind: .datagrams)
    _ = try outbox.sendMessage([UInt8]("READY=1").span)
    var buffer = [UInt8](repeating: 0, count: 64)
    let message = try received(by: inbox, into: &buffer)
    #expect(message.byteCount == 7 && message.sender == Processes.ownPid)
  }
}

/// A sender that has been waited for has a pid that may be another's.
@Suite struct GoneSenderTests {
  @Test func aSenderIsKnownForAsLongAsItsPidIsItsOwn() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/notify"
    let inbox = try UnixSocket.listen(at: path, kind: .datagrams)
    try inbox.receiveSenders()
    let script = "import socket; s = socket.socket(1, 2); s.sendto(b'x', '\(path)')"
    let request = SpawnRequest(command: ["python3", "-c", script], environment: [])
    var buffer = [UInt8](repeating: 0, count: 64)
    do {
      let process = try spawn(request)
      _ = try process.pidfd.wait(timeoutMilliseconds: nil)
      let message = try received(by: inbox, into: &buffer)
      // Ended, and still there to be waited for.
      let (sender, isThere) = (message.sender, message.senderHasItsPid)
      #expect(sender == process.pid && isThere)
      _ = try Processes.reap(process.pidfd)
      let isUnreaped = Processes.isUnreaped(process.pidfd)
      #expect(!isUnreaped)
    }
    let process = try spawn(request)
    _ = try waitForEnd(of: process.pidfd)
    let message = try received(by: inbox, into: &buffer)
    let (sender, isThere) = (message.sender, message.senderHasItsPid)
    #expect(sender == process.pid)
    #expect(!isThere, "needs Linux 6.5")
  }
}

@Suite struct TCPSocketTests {
  /// Binding to the port that is connected to is what the kernel does by chance.
  @Test func aConnectionToItselfIsTold() throws {
    let scratch = try Scratch()
    let script = """
      import socket
      s = socket.socket()
      s.bind(("127.0.0.1", 0))
      s.connect(s.getsockname())
      socket.send_fds(socket.socket(fileno=0), [b"x"], [s.fileno()])
      """
    let path = try scratch.write("itself.py", script)
    let ends = try UnixSocket.pair()
    var request = SpawnRequest(command: ["python3", path], environment: [])
    request.standardInput = .descriptor(ends.second.number)
    let process = try spawn(request)
    let isItself = try passedSocketIsConnectedToItself(ends.first)
    #expect(isItself)
    _ = try waitForEnd(of: process.pidfd)

    let listener = try TCPSocket.listen(on: "127.0.0.1", port: 0)
    let client = try TCPSocket.connect(to: "127.0.0.1", port: try listener.localPort())
    #expect(try client.wait(forWriting: true, timeoutMilliseconds: nil))
    let isOwnPeer = try client.isConnectedToItself()
    let pair = try UnixSocket.pair(kind: .stream)
    let isOwnUnixPeer = try pair.first.isConnectedToItself()
    #expect(!isOwnPeer && !isOwnUnixPeer)
  }

  private func passedSocketIsConnectedToItself(_ link: borrowing Descriptor) throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 8)
    var message = try received(by: link, into: &buffer)
    guard let socket = message.takeDescriptor() else { throw NothingThere() }
    return try socket.isConnectedToItself()
  }

  @Test(arguments: ["127.0.0.1", "::1"]) func connects(address: String) throws {
    guard let listener = try? TCPSocket.listen(on: address, port: 0) else {
      return notTested("TCP on \(address)", because: "it is not configured here")
    }
    let port = try listener.localPort()
    let client = try TCPSocket.connect(to: address, port: port)
    #expect(try client.wait(forWriting: true, timeoutMilliseconds: nil))
    #expect(try client.connectError() == nil)
    let server = try accepted(by: listener)
    #expect(try client.write([UInt8]("x").span) == 1)
    #expect(try server.wait(timeoutMilliseconds: nil))
    let shown = address.contains(":") ? "[\(address)]" : address
    let error = #expect(throws: SystemError.self) {
      _ = try TCPSocket.listen(on: address, port: port)
    }
    #expect(error?.code == EADDRINUSE && error?.subject == "\(shown):\(port)")
  }

  @Test func refusedConnectionSaysSo() throws {
    let port = try TCPSocket.listen(on: "127.0.0.1", port: 0).localPort()
    let expected = SystemError("connect", code: ECONNREFUSED, subject: "127.0.0.1:\(port)")
    onceCopiesAreClosed {
      do throws(SystemError) {
        let client = try TCPSocket.connect(to: "127.0.0.1", port: port)
        _ = try client.wait(forWriting: true, timeoutMilliseconds: nil)
        return try client.connectError(to: "127.0.0.1:\(port)") == expected
      } catch {
        return error == expected
      }
    }
  }

  @Test(arguments: ["localhost", "", "127.0.0", "[::1]", "1.2.3.4.5"])
  func takesIPLiteralsOnly(address: String) {
    #expect(throws: SystemError.self) { _ = try TCPSocket.listen(on: address, port: 0) }
  }

  @Test func errorNamesTheAddress() {
    let error = #expect(throws: SystemError.self) {
      _ = try TCPSocket.listen(on: "192.0.2.1", port: 80)
    }
    #expect(error?.description == "bind 192.0.2.1:80: Cannot assign requested address")
  }
}
