import SupervSystem

extension LinuxKernel {
  package var tableSizes: [TableSize] {
    [
      TableSize("processes", parts.processes.count),
      TableSize("connections", connections.count),
      TableSize("connection_slots", connections.slotCount),
      TableSize("log_streams", parts.logs.streamCount),
      TableSize("record_pipes", parts.logs.recordPipeCount),
      TableSize("probes", parts.probes.count),
      TableSize("trees", parts.trees.count),
      TableSize("notify_pipes", parts.notifyPipes.count),
      TableSize("open_files", Self.openFileCount),
    ]
  }

  package var journalBytes: Int { parts.journal.byteCount }

  /// Its own folder of them a process may always read (proc_pid_fd(5)), less the descriptor for it.
  private static var openFileCount: Int {
    max(0, ((try? Files.names(in: "/proc/self/fd").count) ?? 0) - 1)
  }
}
