import SupervSystem

/// A daemon that the keeper has started.
final class DaemonProcess {
  /// Where it finds what it is given.
  private enum Place {
    static let ready: Int32 = 3
    static let link: Int32 = 4
    static let lock: Int32 = 5
    static let firstInherited: Int32 = 6
  }

  let pid: Int32
  let pidfd: Descriptor
  let link: KeeperLink
  /// It has found everything again: from now on what it does not need is reaped.
  var isServing = false
  /// Agents that run on from a daemon before. Until their ends are in the journal, a daemon that
  /// comes after this one has to find them.
  var spared: Set<Int32> = []
  /// It ends for another program to go on.
  var hasHandedOver = false
  /// It ends because its tree has, which another one begins anew.
  var beginsAnew = false
  /// It ends because its tree has.
  var doneStatus: Int32?

  private init(_ process: consuming SpawnedProcess, _ link: KeeperLink) {
    pid = process.pid
    pidfd = process.takeDescriptor()
    self.link = link
  }

  /// - Parameters:
  ///   - arguments: from `daemon` on.
  ///   - inherited: the most important first: what is too much for the limit of open files is left
  ///     out.
  static func start(
    _ executable: String, _ arguments: [String], lock: Int32, ready: Int32?,
    inherited: [InheritedDescriptor]
  ) throws(SpawnError) -> DaemonProcess {
    var words = ["superv"] + arguments
    words += ["--keeper-fd", "\(Place.link)", "--lock-fd", "\(Place.lock)"]
    var placements = [SpawnRequest.Placement(source: lock, target: Place.lock)]
    if let ready {
      placements.append(.init(source: ready, target: Place.ready))
      words += ["--ready-fd", "\(Place.ready)"]
    }
    var given = Array(inherited.prefix(mostInherited))
    for index in given.indices {
      let number = Place.firstInherited + Int32(index)
      placements.append(.init(source: given[index].number, target: number))
      given[index].number = number
    }
    words += ["--sockets", given.map(\.text).joined(separator: ",")]
    do {
      let pair = try UnixSocket.pair(kind: .packets)
      return try pair.split { (ours, theirs) throws -> DaemonProcess in
        placements.append(.init(source: theirs.number, target: Place.link))
        var request = SpawnRequest(
          command: words, environment: Surroundings.environment.map { "\($0.key)=\($0.value)" })
        request.candidates = [executable]
        request.directory = "/"
        request.extraDescriptors = placements
        return DaemonProcess(try spawn(request), try KeeperLink(ours))
      }
    } catch let error as SpawnError {
      throw error
    } catch {
      throw SpawnError(stage: .clone, code: (error as? SystemError)?.code ?? 0, subject: nil)
    }
  }

  /// Each is copied once above all places before it gets to its own.
  private static var mostInherited: Int {
    let room = (try? ProcessLimit.current(.nofile).soft) ?? 1024
    return Int(clamping: min(room, UInt64(2 * SpawnRequest.mostDescriptors)) / 2) - 32
  }
}

/// How often daemons may die: the first death in a quiet minute costs nothing, every further one
/// waits twice as long, up to half a minute.
struct RestartBudget {
  private static let limit = 5
  private static let period: Int64 = 60_000_000_000
  private static let firstDelay: Int64 = 100_000_000
  private static let longestDelay: Int64 = 30_000_000_000

  private var deaths: [Int64] = []

  /// - Parameter now: on the monotonic clock, in nanoseconds, as all times here.
  /// - Returns: how long to wait, and whether this is more than there should be.
  mutating func spend(_ now: Int64) -> (delay: Int64, isSpent: Bool) {
    deaths.removeAll { now - $0 > Self.period }
    deaths.append(now)
    guard deaths.count > 1 else { return (0, false) }
    let doublings = min(deaths.count - 2, 20)
    return (min(Self.longestDelay, Self.firstDelay << doublings), deaths.count > Self.limit)
  }
}

/// Which program the next daemon is.
struct DaemonExecutable {
  /// This very program, wherever its file has been moved to.
  private static let own = "/proc/self/exe"

  private(set) var path = Self.own
  /// What to go back to, until the new one has come to serve.
  private var former: String?

  mutating func change(to path: String) {
    former = self.path
    self.path = path
  }

  mutating func hasServed() { former = nil }

  /// - Returns: whether there is a program to go back to.
  mutating func revert() -> Bool {
    guard let former else { return false }
    path = former
    self.former = nil
    return true
  }
}
