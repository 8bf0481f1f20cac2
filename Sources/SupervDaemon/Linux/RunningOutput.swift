import SupervConfig
package import SupervSystem
import SupervisionTree

/// An agent that a daemon before has started and that runs on, and where its output goes.
package struct RunningOutput: Hashable, Sendable {
  /// With the pid of the agent's process.
  package var origin: LogOrigin
  package var file: LogFileSettings
  /// nil: standard error goes there as well.
  package var errorFile: LogFileSettings?
  /// The numbers of the pipes it was given (`LogPipe.inode`).
  package var outputInode: UInt64
  package var errorsInode: UInt64

  package init(
    origin: LogOrigin, file: LogFileSettings, outputInode: UInt64, errorsInode: UInt64
  ) {
    self.origin = origin
    self.file = file
    self.outputInode = outputInode
    self.errorsInode = errorsInode
  }

  var pipes: [(kind: LogStreamKind, inode: UInt64, file: LogFileSettings)] {
    [(.stdout, outputInode, file), (.stderr, errorsInode, errorFile ?? file)]
  }
}

extension Launch {
  /// Whose output it is going to be. The pid is not known before it is started.
  var origin: LogOrigin {
    LogOrigin(
      name: agent.specification.name, agent: agent.agent, instance: agent.instance,
      incarnation: key.incarnation)
  }
}

/// The outputs of an incarnation that is being started, known to the logger.
package struct PreparedOutput {
  let output: UInt64
  let errors: UInt64
  let pipes: LogPipes
}
