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
