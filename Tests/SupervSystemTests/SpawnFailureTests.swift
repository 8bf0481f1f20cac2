import Glibc
import SupervSystem
import Testing

/// Every stage that can be made to fail is made to fail, over clone3 and over the fallback.
@Suite struct SpawnFailureTests {
  private func failure(_ request: SpawnRequest, old: Bool) -> SpawnError? {
    var request = request
    request.avoidsNewSystemCalls = old
    do {
      let process = try spawn(request)
      _ = try? waitForEnd(of: process.pidfd)
      return nil
    } catch {
      // A file that was just written may still be open in a child that another test spawns now.
      return error.code == ETXTBSY ? failure(request, old: old) : error
    }
  }

  private let anything = SpawnRequest(command: ["/bin/true"], environment: [])

  @Test(arguments: [false, true]) func missingProgram(old: Bool) {
    let gone = SpawnRequest(command: ["/usr/bin/no-such-thing"], environment: [])
    let error = failure(gone, old: old)
    #expect(error?.description == "exec /usr/bin/no-such-thing: No such file or directory")
    #expect(error?.stage == .exec && error?.code == ENOENT)
    let searched = SpawnRequest(command: ["no-such-thing"], environment: ["PATH=/usr/bin:/bin"])
    #expect(
      failure(searched, old: old)?.description == "exec no-such-thing: No such file or directory")
    let nameless = SpawnRequest(command: [""], environment: [])
    #expect(failure(nameless, old: old)?.description == "exec : No such file or directory")
    let inFile = SpawnRequest(command: ["/bin/true/x"], environment: [])
    #expect(failure(inFile, old: old)?.description == "exec /bin/true/x: Not a directory")
  }

  @Test(arguments: [false, true]) func programThatMayNotBeRun(old: Bool) throws {
    let scratch = try Scratch()
    let file = try scratch.write("tool", "#!/bin/sh\nexit 5\n", mode: 0o644)
    let plain = SpawnRequest(command: [file], environment: [])
    #expect(failure(plain, old: old)?.description == "exec \(file): Permission denied")
    // As execvp(3): the search goes on, and is remembered when it finds nothing better.
    let searched = SpawnRequest(command: ["tool"], environment: ["PATH=/nowhere:\(scratch.path)"])
    #expect(failure(searched, old: old)?.description == "exec \(file): Permission denied")
    let second = "\(scratch.path)/bin"
    try Files.makeDirectories(second)
    try Files.makeLink("\(second)/tool", to: "/bin/false")
    var found = SpawnRequest(
      command: ["tool"], environment: ["PATH=/nowhere:\(scratch.path):\(second)"])
    found.avoidsNewSystemCalls = old
    #expect(try run(found).status == .exited(code: 1))
  }

  @Test(arguments: [false, true]) func programThatIsNone(old: Bool) throws {
    let scratch = try Scratch()
    let source = try scratch.write("source", "exit 5\n")
    let text = "\(scratch.path)/text"
    // Not written by this process: a child of another test might have it open just then.
    let install = ["/usr/bin/install", "-m", "755", source, text]
    #expect(try run(SpawnRequest(command: install, environment: [])).status == .exited(code: 0))
    let error = failure(SpawnRequest(command: [text], environment: []), old: old)
    #expect(error?.description == "exec \(text): Exec format error")
  }

  @Test(arguments: [false, true]) func argumentsThatDoNotFit(old: Bool) {
    var request = anything
    request.arguments.append(String(repeating: "x", count: 1 << 20))
    #expect(failure(request, old: old)?.description == "exec /bin/true: Argument list too long")
    request.arguments = ["true", "a\0b"]
    #expect(failure(request, old: old)?.description == "exec a\u{2400}b: Invalid argument")
  }

  @Test(arguments: [false, true]) func missingDirectory(old: Bool) {
    var request = anything
    request.directory = "/srv/no-such-app"
    let error = failure(request, old: old)
    #expect(error?.description == "chdir /srv/no-such-app: No such file or directory")
    #expect(error?.stage == .directory && error?.code == ENOENT)
  }

  @Test(arguments: [false, true]) func missingInput(old: Bool) {
    var request = anything
    request.standardInput = .path("/no/such/input")
    #expect(
      failure(request, old: old)?.description == "open /no/such/input: No such file or directory")
  }

  @Test(arguments: [false, true]) func descriptors(old: Bool) throws {
    var request = anything
    request.standardError = 987_654
    #expect(failure(request, old: old)?.description == "dup2 2: Bad file descriptor")
    request = anything
    request.extraDescriptors = [.init(source: 1, target: 987_654_321)]
    #expect(failure(request, old: old)?.stage == .descriptors)
    request.extraDescriptors = (3..<1100).map { .init(source: 1, target: $0) }
    #expect(failure(request, old: old)?.description == "dup2: Argument list too long")
  }

  @Test(arguments: [false, true]) func limits(old: Bool) {
    var request = anything
    // Above fs.nr_open not even root may go.
    request.limits = [
      ProcessLimit(.core, soft: 0, hard: 0),
      ProcessLimit(.nofile, soft: 1 << 40, hard: 1 << 40),
    ]
    #expect(failure(request, old: old)?.description == "setrlimit nofile: Operation not permitted")
    request.limits = [ProcessLimit(.cpu, soft: 2, hard: 1)]
    #expect(failure(request, old: old)?.description == "setrlimit cpu: Invalid argument")
  }

  @Test(arguments: [false, true]) func permissionIsTheUsers(old: Bool) throws {
    guard isRoot else { return notTested("a user's permissions", because: "we are not root") }
    let scratch = try Scratch()
    let secret = try scratch.write("secret", "", mode: 0o600)
    let folder = "\(scratch.path)/folder"
    try Files.makeDirectories(folder, mode: 0o700)
    var request = anything
    request.identity = .init(user: 65534, group: 65534)
    #expect(failure(request, old: old) == nil)
    request.standardInput = .path(secret)
    #expect(failure(request, old: old)?.description == "open \(secret): Permission denied")
    request.directory = folder
    #expect(failure(request, old: old)?.description == "chdir \(folder): Permission denied")
  }

  @Test(arguments: [false, true]) func privileges(old: Bool) async {
    guard isRoot else { return notTested("lost privileges", because: "we are not root") }
    notTested("setgid and setuid that fail", because: "setgroups always fails before them")
    if old {
      await #expect(processExitsWith: .success) { try expectRefusals(old: true) }
    } else {
      await #expect(processExitsWith: .success) { try expectRefusals(old: false) }
    }
  }

  @Test(arguments: [false, true]) func noDescriptorsLeft(old: Bool) async {
    if old {
      await #expect(processExitsWith: .success) { try expectEMFILE(old: true) }
    } else {
      await #expect(processExitsWith: .success) { try expectEMFILE(old: false) }
    }
  }
}

/// As nobody: what needs privileges is refused, in its stage.
private func expectRefusals(old: Bool) throws {
  try ProcessLimit(.nofile, soft: 512, hard: 512).apply()
  #expect(setgid(65534) == 0 && setuid(65534) == 0)
  func failure(_ change: (inout SpawnRequest) -> Void) -> String? {
    var request = SpawnRequest(command: ["/bin/true"], environment: [])
    request.avoidsNewSystemCalls = old
    change(&request)
    do throws(SpawnError) {
      _ = try spawn(request)
      return nil
    } catch {
      return error.description
    }
  }
  #expect(
    failure { $0.identity = .init(user: 0, group: 0, supplementaryGroups: [0, 4]) }
      == "setgroups 0,4: Operation not permitted")
  #expect(failure { $0.identity = .init(user: 65534, group: 65534) } == nil)
  #expect(
    failure { $0.limits = [ProcessLimit(.nofile, soft: 513, hard: 513)] }
      == "setrlimit nofile: Operation not permitted")
  #expect(failure { $0.nice = -5 } == "setpriority -5: Permission denied")
  #expect(failure { $0.nice = 5 } == nil)
}

private func expectEMFILE(old: Bool) throws {
  try ProcessLimit(.nofile, soft: 64, hard: 64).apply()
  var request = SpawnRequest(command: ["/bin/true"], environment: [])
  request.avoidsNewSystemCalls = old
  var held: [Int32] = []
  var failure: SpawnError?
  // Again when the test library has closed one of its own in between.
  while failure == nil {
    while let one = try? Files.open("/dev/null", .readOnly) { held.append(one.release()) }
    do throws(SpawnError) {
      _ = try spawn(request)
    } catch {
      failure = error
    }
  }
  #expect(failure?.description == "clone: Too many open files")
  for number in held { close(number) }
  _ = try waitForEnd(of: spawn(request).pidfd)
}
