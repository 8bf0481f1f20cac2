import SupervDaemon

// The journal's disk, which may be full, and the sockets.

extension Machine {
  // MARK: The journal

  /// - Returns: what came of it.
  func writeJournal(_ lines: [UInt8], replacing: Bool) -> Bool {
    if journalFailures > 0 {
      journalFailures -= 1
      if failsHalfway, !replacing {
        journal += lines.prefix(lines.count / 2)
        isJournalTorn = true
      }
      isJournalHoled = true
      holeTime = now
      if !isJournalFaulty {
        arrivals.append(.journalFault("write: No space left on device"))
      }
      isJournalFaulty = true
      return false
    }
    if replacing {
      formerJournal = journal
      journal = lines
      isJournalHoled = false
    } else {
      if isJournalTorn { journal.append(UInt8(ascii: "\n")) }
      journal += lines
    }
    isJournalTorn = false
    isJournalFaulty = false
    return true
  }

  // MARK: Connections

  /// - Returns: nil while nobody accepts.
  func connect(_ door: ConnectionID.Door, _ caller: Caller, _ peer: any Peer) -> ConnectionID? {
    guard isServed else { return nil }
    let id = ConnectionID(door, number: nextConnection)
    nextConnection += 1
    peers[id] = peer
    arrivals.append(.connected(id, caller))
    return id
  }

  func say(_ text: String, on id: ConnectionID) {
    guard peers[id] != nil else { return }
    arrivals.append(.received(id, Array((text + "\n").utf8)))
  }

  /// From the other end.
  func hangUp(_ id: ConnectionID) {
    guard let peer = peers.removeValue(forKey: id) else { return }
    arrivals.append(.disconnected(id))
    peer.connectionIsGone()
  }
}
