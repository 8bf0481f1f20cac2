import SupervSystem
import SupervisionTree

/// A logger that runs, and the link to it.
final class LoggerPeer {
  /// What became of looking for one.
  enum Search {
    case found(LoggerPeer)
    /// There is one, which cannot be talked to yet.
    case busy
    case nobody
  }

  let pid: Int32
  let pidfd: Descriptor
  let link: LoggerLink
  let startedAt: MonotonicTime
  var waitsToWrite = false
  /// The link is at its end, and the process perhaps not.
  private(set) var isCutOff = false

  private init(
    pid: Int32, pidfd: consuming Descriptor, _ link: LoggerLink, at time: MonotonicTime
  ) {
    self.pid = pid
    self.pidfd = pidfd
    self.link = link
    startedAt = time
  }

  /// Connects to the logger that listens at `path`, whoever started it. One whose disk hangs
  /// counts: what is sent to it waits in the socket.
  static func find(at path: String, _ now: MonotonicTime) throws(SystemError) -> Search {
    let socket: Descriptor
    do {
      socket = try UnixSocket.connect(to: path, kind: .packets, nonblocking: true)
    } catch let error where error.isMissing || error.isRefused {
      return .nobody
    } catch let error where error.isTemporary {
      return .busy
    }
    let pid = try socket.peerCredentials().process
    guard let pidfd = process(at: socket, pid) else { return .busy }
    return .found(LoggerPeer(pid: pid, pidfd: pidfd, try LoggerLink(socket: socket), at: now))
  }

  /// The process that listens; nil when that is the daemon which made the socket, is gone, and has
  /// started a logger that has not come to listen itself.
  private static func process(at socket: borrowing Descriptor, _ pid: Int32) -> Descriptor? {
    do {
      return try socket.peerProcess() ?? Processes.open(pid: pid)
    } catch {
      return nil
    }
  }

  /// Starts one that listens at `path`. The socket is there before it is, so that it can be found
  /// from its first moment on.
  ///
  /// - Parameter executable: superv.
  static func start(
    _ executable: String, listeningAt path: String, _ now: MonotonicTime
  ) throws(SystemError) -> LoggerPeer {
    let listener = try UnixSocket.listen(at: path, kind: .packets)
    let door = listener.number
    let peer = try UnixSocket.pair(kind: .packets).split {
      (ours, theirs) throws(SystemError) -> LoggerPeer in
      var request = SpawnRequest(command: ["superv", "logger"], environment: [])
      request.candidates = [executable]
      request.directory = "/"
      // It holds a pipe for every stream: the raised limit is for it as well.
      request.extraDescriptors = [
        .init(source: theirs.number, target: 3), .init(source: door, target: 4),
      ]
      let link = try LoggerLink(socket: ours)
      do throws(SpawnError) {
        let child = try spawn(request)
        return LoggerPeer(pid: child.pid, pidfd: child.takeDescriptor(), link, at: now)
      } catch {
        throw SystemError(error.stage.call, code: error.code, subject: "superv logger")
      }
    }
    listener.close()
    return peer
  }

  var hasEnded: Bool { (try? pidfd.wait(timeoutMilliseconds: 0)) == true }

  func watch(_ poll: borrowing EventPoll) throws(SystemError) {
    try poll.add(link.socket, token: LinuxKernel.Source.logger.token(), for: .readable)
    try poll.add(pidfd, token: LinuxKernel.Source.loggerProcess.token(), for: .readable)
  }

  /// Waits for room in the socket while there is something to send, and only then.
  func watchForWriting(_ poll: borrowing EventPoll) {
    guard !isCutOff, link.hasQueued != waitsToWrite else { return }
    waitsToWrite = link.hasQueued
    try? poll.change(
      link.socket, token: LinuxKernel.Source.logger.token(),
      for: waitsToWrite ? [.readable, .writable] : .readable)
  }

  /// Nothing more comes on the link.
  func cutOff(_ poll: borrowing EventPoll) {
    if !isCutOff { try? poll.remove(link.socket) }
    isCutOff = true
  }

  func letGo(_ poll: borrowing EventPoll) {
    cutOff(poll)
    try? poll.remove(pidfd)
    // One that another daemon has started is another's child.
    _ = try? Processes.reap(pidfd)
  }

  /// Waits until it has got what is queued and has ended, but only so long.
  func waitForEnd(atMostMilliseconds limit: Int64) {
    let deadline = Clock.monotonicNanoseconds + limit * 1_000_000
    func left() -> Int64 { max(0, (deadline - Clock.monotonicNanoseconds) / 1_000_000) }
    while link.hasQueued, left() > 0 {
      guard (try? link.socket.wait(forWriting: true, timeoutMilliseconds: left())) == true,
        (try? link.flush()) != nil
      else { break }
    }
    _ = try? pidfd.wait(timeoutMilliseconds: left())
    _ = try? Processes.reap(pidfd)
  }
}
