import SupervConfig
import SupervProtocol
package import SupervSystem
import SupervisionTree

// What agents say with `log`: records beside the lines of their output, in the same file.

/// Whose log a record goes to.
package struct AgentLogPlace: Hashable, Sendable {
  package var process: ProcessKey
  package var origin: LogOrigin
  package var file: LogFileSettings
}

extension AgentLogPlace {
  /// A record without its newline, in the form that the file has.
  func record(_ entry: AgentLogEntry, realTimeNanoseconds: Int64) -> [UInt8] {
    var bytes = begin(realTimeNanoseconds, stream: "log", tag: "log")
    switch file.format {
    case .json:
      append(entry.level.rawValue, as: "level", to: &bytes)
      append(entry.message, as: "message", to: &bytes)
      if let task = entry.task { append(task, as: "task", to: &bytes) }
      if let fields = entry.fields { bytes += Array(#","fields":"#.utf8) + fields }
      bytes.append(UInt8(ascii: "}"))
    case .text, .bytes:
      bytes += Array(" \(entry.level.rawValue) ".utf8)
      JSON.appendOnOneLine(entry.message, to: &bytes)
      if let task = entry.task {
        bytes += Array(" task=".utf8)
        JSON.appendOnOneLine(task, to: &bytes)
      }
      if let fields = entry.fields { bytes += Array(" ".utf8) + fields }
    }
    return bytes
  }

  /// What stands where records are missing, as the logger writes it for lines: see `DropMark`.
  package func mark(lostRecords: Int, lostBytes: Int, realTimeNanoseconds: Int64) -> [UInt8] {
    let text = "\(lostRecords) lines (\(lostBytes) bytes) dropped: more than the logger could take"
    var bytes = begin(realTimeNanoseconds, stream: "superv", tag: "--")
    switch file.format {
    case .json:
      let counts = #","dropped":\#(lostRecords),"dropped_bytes":\#(lostBytes)"#
      bytes += Array(counts.utf8)
      append(text, as: "message", to: &bytes)
      bytes.append(UInt8(ascii: "}"))
    case .text, .bytes: bytes += Array(" superv: \(text) --".utf8)
    }
    return bytes
  }

  private func begin(_ realTimeNanoseconds: Int64, stream: String, tag: String) -> [UInt8] {
    let time = RFC3339.text(nanoseconds: realTimeNanoseconds)
    guard file.format == .json else { return Array("\(time) \(tag)".utf8) }
    var bytes = Array(#"{"time":"\#(time)","agent":"#.utf8)
    JSON.append(origin.agent, to: &bytes)
    let rest =
      #","instance":\#(origin.instance),"incarnation":\#(origin.incarnation),"#
      + #""pid":\#(origin.processID),"stream":"\#(stream)""#
    return bytes + Array(rest.utf8)
  }

  private func append(_ text: String, as member: String, to bytes: inout [UInt8]) {
    bytes += Array(",\"\(member)\":".utf8)
    JSON.append(text, to: &bytes)
  }
}

/// What an agent says for its log.
struct AgentLogEntry: Hashable, Sendable {
  enum Level: String, CaseIterable, Codable, Hashable, Sendable {
    case debug, info, warning, error
  }

  var level: Level
  var message: String
  var task: String?
  /// An object, without line breaks.
  var fields: [UInt8]?
}

private struct LogParams: Decodable {
  var level: AgentLogEntry.Level
  var message: String
  var task: String?
}

extension Daemon {
  /// The longest record, in bytes: a line of output that is longer is cut as well.
  private static var maximumRecordBytes: Int { 64 << 10 }

  func log(_ message: Message, in line: Span<UInt8>, of process: ProcessKey) throws(RPCError) {
    let params = try JSON.decodeParams(LogParams.self, of: message, in: line)
    let entry = AgentLogEntry(
      level: params.level, message: params.message,
      task: try params.task.map { (task) throws(RPCError) in try limited(task, "task", 128) },
      fields: try fields(of: message, in: line))
    guard let place = logPlace(of: process) else { return }
    let record = place.record(entry, realTimeNanoseconds: realTimeNanoseconds)
    guard record.count <= Self.maximumRecordBytes else {
      throw .invalidParameters("a record may have \(Self.maximumRecordBytes) bytes at most")
    }
    guard kernel.writeLog(record, to: place) else {
      throw RPCError(.overloaded, "superv has no descriptors left for this agent's log")
    }
  }

  /// The object as it came, but on one line: outside of its strings, where controls are escaped,
  /// they are white space.
  private func fields(of message: Message, in line: Span<UInt8>) throws(RPCError) -> [UInt8]? {
    guard let params = message.params, let range = JSON.member("fields", of: params, in: line)
    else { return nil }
    let bytes = range.map { line[$0] }.filter { $0 >= 0x20 }
    if bytes == Array("null".utf8) { return nil }
    guard bytes.first == UInt8(ascii: "{") else {
      throw .invalidParameters("'fields' is not an object")
    }
    return bytes
  }

  /// Also of a process that has just ended: its last words matter most.
  private func logPlace(of process: ProcessKey) -> AgentLogPlace? {
    guard agents.indices.contains(process.node.index), let slot = agents[process.node.index],
      let running = slot.process
    else { return nil }
    let agent = slot.definition
    return AgentLogPlace(
      process: process,
      origin: LogOrigin(
        name: agent.specification.name, agent: agent.agent, instance: agent.instance,
        incarnation: process.incarnation,
        processID: running.incarnation == process.incarnation ? running.pid : 0),
      file: slot.log)
  }
}
