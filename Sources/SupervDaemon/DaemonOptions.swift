package import SupervSystem

/// What the daemon is told when it starts.
package struct DaemonOptions: Sendable {
  /// The main file, absolute.
  package var configurationPath: String
  package var pid: Int32
  /// Of the process above it; nil without one.
  package var keeperPid: Int32?
  package var jitterSeed: UInt64
  /// Who started superv and wants to know how it is; nil: nobody does.
  package var serviceManager: ServiceManager?
  /// Reads the configuration again, for a reload.
  package var load: @Sendable () -> ReadConfiguration

  package init(
    configurationPath: String, pid: Int32, keeperPid: Int32? = nil, jitterSeed: UInt64,
    load: @escaping @Sendable () -> ReadConfiguration
  ) {
    self.configurationPath = configurationPath
    self.pid = pid
    self.keeperPid = keeperPid
    self.jitterSeed = jitterSeed
    self.load = load
  }
}
