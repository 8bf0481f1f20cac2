package import SupervConfig
package import SupervisionTree

// The journal is the daemon's process table: what there is to know for a daemon that comes after
// this one, as lines of JSON in the runtime directory. It begins with a snapshot (header,
// configuration, tree or what it begins with, timers, processes); then comes what has happened
// since, each line before anything is done about it. A line that is cut off at the end never
// happened.

/// One line of the journal.
package enum JournalEntry: Codable, Sendable {
  case header(JournalHeader)
  /// The one that the daemon was started with, then the one that a reload brought, if any.
  case configuration(RecordedConfiguration)
  /// Of supervisord's groups, which are active, where these are not all of the last configuration.
  case groups([ActiveGroup])
  case tree(SupervisionTree)
  /// In its place: the one that the configuration makes, to which nothing has happened. Another
  /// superv might make another one of it, which its shape shows.
  case beginning(TreeBeginning, shape: UInt64)
  /// What it is for (`TimerHeap`), and when.
  case timer(key: Int, at: MonotonicTime)
  /// A process that runs, as far as the snapshot knows.
  case process(ProcessFacts)
  /// What the tree was told.
  case event(Event, at: MonotonicTime)
  /// The same for a start that succeeded.
  case spawned(ProcessFacts, at: MonotonicTime)
  /// Written by the process itself, before its program is executed.
  case started(node: Int, incarnation: UInt64, pid: Int32)
  /// This signal was sent to it, as the tree wanted.
  case signalled(node: NodeID, incarnation: UInt64, Int32)
  /// Of a process: what it said of its health, and what was found.
  case health(node: NodeID, incarnation: UInt64, HealthMemory)
  /// The instances that an operator holds.
  case held([String])
  /// Decided, and not yet told when the snapshot was made.
  case untold([Note])
  /// To be told, beside what the tree decides: who asked for what the next line is about.
  case announced([StoryEvent])
  /// Lines of the event log that are being written: whatever was decided before is in them.
  case telling([String])
  /// They are with the logger.
  case told
  /// The number of the next event, at the time of the snapshot.
  case nextEvent(Int64)
}

/// What a journal is about: that of another boot or version says nothing of what runs now.
package struct JournalHeader: Codable, Hashable, Sendable {
  /// Of the journal's lines.
  package static let currentVersion = 2
  /// The first one has all lines but `beginning` and `announced`.
  package static let readableVersions = 1...currentVersion

  package var version = Self.currentVersion
  package var superv: String
  /// Of the machine's boot and of the pid namespace: pids mean nothing in another one.
  package var boot: String

  package init(superv: String, boot: String) {
    self.superv = superv
    self.boot = boot
  }
}

/// What a tree begins with beside its configuration, which says the rest: writing down all of a
/// large one would keep its agents waiting.
package struct TreeBeginning: Codable, Hashable, Sendable {
  package var jitterSeed: UInt64
  /// The last ones, from an earlier life.
  package var incarnations: [String: UInt64]
  /// By an operator, in an earlier life.
  package var stopped: Set<String>

  package func tree(of configuration: Configuration) -> SupervisionTree {
    SupervisionTree(
      configuration.tree, jitterSeed: jitterSeed, incarnations: incarnations, stopped: stopped)
  }
}

extension SupervisionTree {
  /// The same for trees with the same names in the same places.
  var shape: UInt64 {
    var hash = StableHash()
    for index in 0..<nodeCount {
      let node = NodeID(index: index)
      hash.combine(name(of: node))
      hash.combine(UInt64(parent(of: node).index))
    }
    return hash.value
  }
}

/// A process of an agent, so that it can be found again and not be taken for another.
package struct ProcessFacts: Codable, Hashable, Sendable {
  package var node: NodeID
  package var incarnation: UInt64
  package var pid: Int32
  /// Of its pidfd, which tells it from all others until the next boot (Linux 6.9).
  package var inode: UInt64?
  /// Clock ticks since boot; where there is no inode.
  package var startTime: UInt64?
  /// Of the pipes that its outputs were, in this order.
  package var outputInodes: [UInt64] = []
  package var startedAt: MonotonicTime
  package var startedRealTimeNanoseconds: Int64
  /// Since when it is ready; nil when it is not.
  package var readyRealTimeNanoseconds: Int64?

  package init(
    _ key: ProcessKey, pid: Int32, startedAt: MonotonicTime, startedRealTimeNanoseconds: Int64
  ) {
    node = key.node
    incarnation = key.incarnation
    self.pid = pid
    self.startedAt = startedAt
    self.startedRealTimeNanoseconds = startedRealTimeNanoseconds
  }

  package var key: ProcessKey { ProcessKey(node: node, incarnation: incarnation) }
}

extension JournalEntry {
  /// What a process writes of itself: the text before its pid and the text after it.
  package static func startedText(_ key: ProcessKey) -> (before: String, after: String) {
    (
      #"{"started":{"incarnation":\#(key.incarnation),"node":\#(key.node.index),"pid":"#, "}}\n"
    )
  }
}
