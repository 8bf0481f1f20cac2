// `[group:x]`, and the groups that programs, event listeners and FastCGI programs are without one.

extension SupervisordReader {
  /// All groups, in start order. What is wrong with a section is complained about, and the others
  /// are read all the same.
  mutating func groups() -> [SupervisordGroup] {
    var groups: [SupervisordGroup] = []
    var members: Set<String> = []
    func named(_ type: String) -> [SupervisordSection] {
      sections.all.filter { $0.name.hasPrefix("\(type):") }
    }
    let (declared, programs) = (named("group"), named("program"))
    let (listeners, fastCGI) = (named("eventlistener"), named("fcgi-program"))
    for section in declared {
      collect(&groups) { reader throws(Rejection) in try reader.group(section, &members) }
    }
    for section in programs where !members.contains(section.name) {
      collect(&groups) { reader throws(Rejection) in try reader.programGroup(section) }
    }
    for section in listeners {
      collect(&groups) { reader throws(Rejection) in try reader.listenerGroup(section) }
    }
    for section in fastCGI where !members.contains(section.name) {
      collect(&groups) { reader throws(Rejection) in try reader.fastCGIGroup(section) }
    }
    // Stable: a group and a program may share name and priority.
    return groups.enumerated().sorted { one, other in
      let (first, second) = (one.element, other.element)
      return first.priority == second.priority && first.name == second.name
        ? one.offset < other.offset
        : startsBefore((first.priority, first.name), (second.priority, second.name))
    }.map(\.element)
  }

  private mutating func collect(
    _ groups: inout [SupervisordGroup],
    _ read: (inout SupervisordReader) throws(Rejection) -> SupervisordGroup
  ) {
    do {
      groups.append(try read(&self))
    } catch {
      reject(error)
    }
  }

  private var names: Expansions { Expansions([("here", .text(here))]) }

  func name(of section: SupervisordSection) throws(Rejection) -> String {
    do {
      return try supervisordName(section.nameAfterColon)
    } catch {
      throw Rejection(section.place, error.message, hint: error.hint)
    }
  }

  private func priority(
    of section: SupervisordSection, default fallback: Int
  ) throws(Rejection) -> Int {
    try value("priority", of: section, names, default: fallback, supervisordInteger)
  }

  // MARK: Each kind

  private mutating func group(
    _ section: SupervisordSection, _ members: inout Set<String>
  ) throws(Rejection) -> SupervisordGroup {
    let name = try name(of: section)
    let wanted = supervisordList(try text("programs", of: section, names) ?? "")
    let priority = try priority(of: section, default: 999)
    let place = sections.option("programs", of: section)?.place ?? section.place
    var programs: [SupervisordProgram] = []
    for program in wanted {
      let found = ["program:\(program)", "fcgi-program:\(program)"].compactMap { sections[$0] }
      guard let member = found.first else {
        let known = sections.all.filter { $0.name.hasPrefix("program:") }.map(\.nameAfterColon)
        throw Rejection(
          place, "there is no program \(quoted(program))",
          hint: reading.hint(for: program, among: known))
      }
      guard found.count == 1 else {
        throw Rejection(
          place, "\(quoted(program)) is a program and a fcgi-program", hint: "rename one of them")
      }
      members.insert(member.name)
      programs += try self.programs(of: member, in: name)
    }
    return SupervisordGroup(
      name: name, priority: priority, kind: .programs, programs: programs)
  }

  private mutating func programGroup(
    _ section: SupervisordSection
  ) throws(Rejection) -> SupervisordGroup {
    let name = try name(of: section)
    let priority = try priority(of: section, default: 999)
    return SupervisordGroup(
      name: name, priority: priority, kind: .programs,
      programs: try programs(of: section, in: name))
  }

  private mutating func listenerGroup(
    _ section: SupervisordSection
  ) throws(Rejection) -> SupervisordGroup {
    let name = section.nameAfterColon
    let priority = try priority(of: section, default: -1)
    let size = try value("buffer_size", of: section, names, default: 10) {
      (text) throws(ValueProblem) in
      let size = try supervisordInteger(text)
      guard size > 0 else { throw ValueProblem("\(quoted(text)) is below 1") }
      return size
    }
    let handler = try text("result_handler", of: section, names) ?? Self.resultHandler
    if handler != Self.resultHandler {
      reading.warning(
        sections.option("result_handler", of: section)?.place ?? section.place,
        "\(quoted(handler)) is code of Python's, which superv does not run",
        hint: "results `OK` are taken, all others refused")
    }
    let events = try events(of: section)
    if try value("redirect_stderr", of: section, names, default: false, supervisordBoolean) {
      throw Rejection(
        sections.option("redirect_stderr", of: section)?.place ?? section.place,
        "`redirect_stderr` would disturb what the listener says on standard output",
        hint: "take it out")
    }
    return SupervisordGroup(
      name: name, priority: priority,
      kind: .listeners(.init(events: events, bufferSize: size, resultHandler: handler)),
      programs: try programs(of: section, in: name))
  }

  private static let resultHandler = "supervisor.dispatchers:default_handler"

  private mutating func events(
    of section: SupervisordSection
  ) throws(Rejection) -> [SupervisordEvent] {
    let place = sections.option("events", of: section)?.place ?? section.place
    let wanted = supervisordList(try text("events", of: section, names) ?? "")
    guard !wanted.isEmpty else {
      throw Rejection(place, "[\(section.name)] has no events", hint: "add `events = …`")
    }
    var events: Set<SupervisordEvent> = []
    for text in wanted {
      guard let event = SupervisordEvent(rawValue: text.uppercased()) else {
        let known = SupervisordEvent.allCases.map(\.rawValue)
        throw Rejection(
          place, "\(quoted(text)) is no event",
          hint: reading.hint(for: text.uppercased(), among: known))
      }
      events.insert(event)
    }
    return events.sorted { $0.rawValue < $1.rawValue }
  }

  private mutating func fastCGIGroup(
    _ section: SupervisordSection
  ) throws(Rejection) -> SupervisordGroup {
    let name = try name(of: section)
    let priority = try priority(of: section, default: 999)
    let programUser = try value("user", of: section, names, default: nil, user)
    var socket = SupervisordGroup.FastCGISocket(url: "")
    socket.backlog = try value("socket_backlog", of: section, names, default: nil) {
      (text) throws(ValueProblem) in
      let backlog = try supervisordInteger(text)
      guard (1...65535).contains(backlog) else {
        throw ValueProblem("\(quoted(text)) is out of range: 1 to 65535")
      }
      return backlog
    }
    socket.owner = try value("socket_owner", of: section, names, default: nil) {
      (text) throws(ValueProblem) in
      _ = try userAndGroup(text)
      return text
    }
    socket.mode = try value("socket_mode", of: section, names, default: nil, supervisordOctal)
    let own = Expansions([("program_name", .text(name)), ("here", .text(here))])
    let url = try text("socket", of: section, own) ?? ""
    try converting("socket", of: section) { () throws(ValueProblem) in
      try complete(&socket, url, programUser)
    }
    return SupervisordGroup(
      name: name, priority: priority, kind: .fastCGI(socket),
      programs: try programs(of: section, in: name))
  }

  private func complete(
    _ socket: inout SupervisordGroup.FastCGISocket, _ url: String, _ programUser: String?
  ) throws(ValueProblem) {
    let hint = "`unix:///PATH` or `tcp://HOST:PORT`"
    guard !url.isEmpty else { throw ValueProblem("the socket is missing", hint: hint) }
    if url.hasPrefix("unix://") {
      let path = String(url.dropFirst(7))
      guard path.hasPrefix("/") else {
        throw ValueProblem("\(quoted(path)) is no absolute path", hint: hint)
      }
      socket.url = "unix://\(normalized(path))"
      socket.mode = socket.mode ?? 0o700
      socket.owner = socket.owner ?? programUser
      return
    }
    guard socket.owner == nil, socket.mode == nil else {
      throw ValueProblem("`socket_owner` and `socket_mode` are for Unix sockets")
    }
    let rest = url.hasPrefix("tcp://") ? url.dropFirst(6) : ""
    let parts = rest.unicodeScalars.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains(where: \.isPythonSpace),
      !parts[1].isEmpty, parts[1].allSatisfy({ ("0"..."9").contains($0) }),
      let port = Int(String(parts[1])), (1...65535).contains(port)
    else { throw ValueProblem("\(quoted(url)) is no socket", hint: hint) }
    socket.url = "tcp://\(String(parts[0]).lowercased()):\(port)"
  }
}
