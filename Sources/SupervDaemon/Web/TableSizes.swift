import SupervProtocol

/// How much of something there is now: what has to come down again when there is less to do.
package struct TableSize: Hashable, Sendable {
  /// As the label `table` of a metric has it.
  package var name: String
  package var count: Int

  package init(_ name: String, _ count: Int) {
    self.name = name
    self.count = count
  }
}

extension Daemon {
  /// Everything of the daemon that grows, the kernel's part included.
  var tableSizes: [TableSize] {
    [
      TableSize("nodes", agents.count),
      TableSize("departing", departing.count),
      TableSize("timers", timers.count + health.timerCount),
      TableSize("calls", calls.table.count),
      TableSize("call_slots", calls.table.slotCount),
      TableSize("monitors", calls.monitors.count),
      TableSize("sessions", sessions.count),
      TableSize("control_connections", control.connections.count),
      TableSize("waiting_requests", control.waiting.count),
      TableSize("http_connections", http.connections.count),
      TableSize("health_records", health.recordCount),
      TableSize("events", events.count),
    ] + kernel.tableSizes
  }

  func appendTables(to text: inout PrometheusText) {
    text.family(
      "superv_table_entries", .gauge, "Entries in the tables of superv itself, by table.")
    for size in tableSizes { text.sample(size.count, ("table", size.name)) }
    text.family(
      "superv_journal_bytes", .gauge,
      "The process table on disk, between one snapshot and the next.")
    text.sample(kernel.journalBytes)
  }
}
