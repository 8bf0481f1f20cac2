import Foundation
import SupervConfig
import SupervisionTree

/// Configurations that other people wrote, each with what supervisor 4.3.0 makes of it:
/// `SUPERV_SUPERVISORD_CORPUS`, else `shared/supervisord-corpus` beside the repository.
enum SupervisordCorpus {
  /// The expectations in a folder of it; nil, with a visible line, where there is none.
  static func expectations(in folder: String = "") -> [URL]? {
    let repository = testFolder.deletingLastPathComponent().deletingLastPathComponent()
    let given = ProcessInfo.processInfo.environment["SUPERV_SUPERVISORD_CORPUS"]
    let root =
      given.map { URL(filePath: $0) }
      ?? repository.deletingLastPathComponent().appending(path: "shared/supervisord-corpus")
    let place = folder.isEmpty ? root : root.appending(path: folder)
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: place.path) else {
      print("NOT TESTED: no configurations of supervisord at \(place.path)")
      return nil
    }
    return names.filter { $0.hasSuffix(".expected.json") }.sorted().map {
      place.appending(path: $0)
    }
  }
}

/// One configuration, and what is expected of it.
struct SupervisordCase {
  let name: String
  let expected: [String: Any]
  let source: CorpusSource
  let mainPath: String

  init(_ file: URL) throws {
    let folder = file.deletingLastPathComponent().path
    let data = try Data(contentsOf: file)
    var json = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    name = json["file"] as? String ?? ""
    var variables = SupervisordCase.oracleOrder.compactMap { name in
      ((json["base_env"] as? [String: String])?[name]).map {
        EnvironmentVariable(name: name, value: $0)
      }
    }
    for (name, value) in (json["env"] as? [String: String] ?? [:]).sorted(by: { $0.key < $1.key }) {
      variables.append(EnvironmentVariable(name: name, value: value))
    }
    let main = json["main_file"] as? String ?? name
    mainPath = "\(folder)/\(main)"
    var files: [String: [UInt8]] = [:]
    if let text = json["main_text"] as? String { files[mainPath] = Array(text.utf8) }
    source = CorpusSource(
      folder: folder, name: name, files: files, environment: variables,
      hostName: json["host_node_name"] as? String ?? "")
    json = SupervisordCase.replacing(in: json, folder) as? [String: Any] ?? json
    expected = json
  }

  /// Its environment had no order of its own in JSON.
  private static let oracleOrder = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "HOSTNAME", "TERM", "DISPLAY",
  ]

  private static func replacing(in value: Any, _ folder: String) -> Any {
    switch value {
    case let text as String:
      let parent = URL(filePath: folder).deletingLastPathComponent().path
      return [
        ("${HERE_PARENT}", parent), ("${HERE}", folder), ("${CWD_PARENT}", "/somewhere"),
        ("${CWD}", CorpusSource.workingFolder), ("${TMPDIR}", "/tmp"),
      ].reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    case let list as [Any]: return list.map { replacing(in: $0, folder) }
    case let map as [String: Any]: return map.mapValues { replacing(in: $0, folder) }
    default: return value
    }
  }

  func load() -> LoadedSupervisord { loadSupervisord(mainPath, from: source) }
}

/// The folder of the corpus, and a machine that has everything else.
struct CorpusSource: ConfigurationSource {
  static let workingFolder = "/somewhere/work"

  var folder: String
  /// Of the configuration.
  var name: String
  /// Beside it.
  var files: [String: [UInt8]]
  var environment: [EnvironmentVariable]
  var hostName: String
  var binaryFolder: String { "/usr/bin" }
  var workingFolder: String { Self.workingFolder }

  func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8] {
    if let bytes = files[path] { return bytes }
    guard isInside(path), let data = FileManager.default.contents(atPath: path) else {
      throw SourceError("No such file or directory")
    }
    return Array(data.prefix(limit + 1))
  }

  func namesInFolder(_ path: String) throws(SourceError) -> [String] {
    guard path == folder else { throw SourceError("No such file or directory") }
    // Each one was alone.
    return [name] + files.keys.map { URL(filePath: $0).lastPathComponent }
  }

  func kindOfFile(_ path: String) -> FileKind? {
    guard isInside(path) else { return .folder }
    if files[path] != nil { return .file }
    let type = (try? FileManager.default.attributesOfItem(atPath: path))?[.type]
    // Where a log would go is a folder.
    guard let type = type as? FileAttributeType else {
      return path.hasSuffix(".conf") ? nil : .folder
    }
    return type == .typeDirectory ? .folder : .file
  }

  func environmentVariable(_ name: String) -> String? {
    environment.last { $0.name == name }?.value
  }

  func userExists(_ name: String) -> Bool { true }

  private func isInside(_ path: String) -> Bool { path.hasPrefix("\(folder)/") }
}

// MARK: - What we read, in the words of the corpus

extension SupervisordConfiguration {
  var asExpected: [String: Any] {
    [
      "ok": true, "supervisord": settings.asExpected, "groups": groups.map(\.asExpected),
      "http_servers": servers.map(\.asExpected), "default_serverurl": serverURL.orNull,
      "process_count": groups.reduce(0) { $0 + $1.programs.count },
      "rpcinterfaces": interfaces.map { plugin in
        [
          "name": plugin.name, "factory": plugin.factory,
          "options": plugin.options.asExpected,
        ] as [String: Any]
      },
      "supervisorctl": client?.asExpected ?? NSNull(),
    ]
  }
}

extension Optional {
  fileprivate var orNull: Any { self ?? NSNull() }
}

extension [EnvironmentVariable] {
  fileprivate var asExpected: [String: String] {
    Dictionary(map { ($0.name, $0.value) }) { $1 }
  }
}

private func octal(_ number: Int) -> String { "0" + String(number, radix: 8) }

extension SupervisordSettings {
  fileprivate var asExpected: [String: Any] {
    [
      "childlogdir": childLogDirectory, "directory": directory.orNull,
      "environment": environment.asExpected, "identifier": identifier, "logfile": logFile,
      "logfile_backups": logBackups, "logfile_maxbytes": logMaximumBytes,
      "loglevel": logLevel.rawValue, "minfds": minimumDescriptors, "minprocs": minimumProcesses,
      "nocleanup": keepsChildLogs, "nodaemon": staysInForeground, "pidfile": pidFile,
      "silent": isSilent, "strip_ansi": stripsANSI, "umask": octal(umask), "user": user.orNull,
    ]
  }
}

extension SupervisordGroup {
  fileprivate var asExpected: [String: Any] {
    var json: [String: Any] = [
      "name": name, "priority": priority, "processes": programs.map(\.asExpected),
    ]
    switch kind {
    case .programs: json["kind"] = "group"
    case .listeners(let pool):
      json["kind"] = "eventlistener"
      json["events"] = pool.events.map(\.rawValue)
      json["buffer_size"] = pool.bufferSize
      json["result_handler"] = pool.resultHandler
    case .fastCGI(let socket):
      json["kind"] = "fcgi"
      var address: [String: Any] = ["url": socket.url, "backlog": socket.backlog.orNull]
      if socket.url.hasPrefix("unix") {
        address["mode"] = socket.mode.map(octal).orNull
        address["owner"] =
          socket.owner.map { $0.split(separator: ":", maxSplits: 1).map(String.init) }.orNull
      }
      json["socket"] = address
    }
    return json
  }
}

extension SupervisordProgram {
  fileprivate var asExpected: [String: Any] {
    let words = try? posixWords(command)
    var json: [String: Any] = [
      "argv": words.orNull, "autorestart": restart.rawValue, "autostart": startsAutomatically,
      "command": command, "directory": directory.orNull, "environment": environment.asExpected,
      "exitcodes": exitCodes, "group": group, "killasgroup": killsGroup, "name": name,
      "namespec": fullName, "priority": priority, "redirect_stderr": redirectsErrors,
      "serverurl": serverURL.orNull, "startretries": startRetries, "startsecs": startSeconds,
      "stopasgroup": stopsGroup, "stopsignal_number": Int(stopSignal),
      "stopwaitsecs": stopWaitSeconds, "umask": umask.map(octal).orNull, "user": user.orNull,
    ]
    for (name, stream) in [("stdout", output), ("stderr", errors)] {
      json["\(name)_logfile"] = stream.file.asExpected
      json["\(name)_logfile_maxbytes"] = stream.maximumBytes
      json["\(name)_logfile_backups"] = stream.backups
      json["\(name)_syslog"] = stream.goesToSyslog
      json["\(name)_capture_maxbytes"] = stream.captureBytes
      json["\(name)_events_enabled"] = stream.sendsEvents
    }
    return json
  }
}

extension SupervisordProgram.LogFile {
  fileprivate var asExpected: Any {
    switch self {
    case .automatic: "AUTO"
    case .none: NSNull()
    case .path(let path): path
    }
  }
}

extension SupervisordServer {
  fileprivate var asExpected: [String: Any] {
    var json: [String: Any] = [
      "section": section, "username": userName.orNull, "password": password.orNull,
    ]
    switch address {
    case .inet(let host, let port):
      json["kind"] = "inet"
      json["host"] = host
      json["port"] = port
    case .unix(let path, let mode, let user, let group):
      json["kind"] = "unix"
      json["file"] = path
      json["chmod"] = octal(mode)
      let groupOrNone: Any = group.map { $0 as Any } ?? -1
      json["chown"] = user.map { [$0 as Any, groupOrNone] } ?? [-1, -1]
    }
    return json
  }
}

extension SupervisordClient {
  fileprivate var asExpected: [String: Any] {
    [
      "serverurl": serverURL, "prompt": prompt, "username": userName.orNull,
      "password": password.orNull, "history_file": historyFile.orNull,
    ]
  }
}
