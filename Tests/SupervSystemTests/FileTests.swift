import Glibc
import SupervSystem
import Testing

@Suite struct FileTests {
  @Test func replacesAsAWhole() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/file"
    try Files.replace(path, with: [UInt8]("one").span, mode: 0o600)
    #expect(try Files.status(of: path)?.mode == 0o600)
    let reader = try Files.open(path, .readOnly)
    try Files.replace(path, with: [UInt8]("two").span)
    #expect(try Files.readText(path) == "two")
    #expect(try reader.readAll() == [UInt8]("one"))
    #expect(try Files.names(in: scratch.path) == ["file"])
    // The name is taken by a folder: the draft goes, the error says what was wrong.
    let error = #expect(throws: SystemError.self) {
      try Files.replace(scratch.path, with: [UInt8]("x").span)
    }
    #expect(error?.call == "rename")
    #expect(try Files.names(in: "/tmp").allSatisfy { !$0.hasSuffix(".draft") })
  }

  @Test func readsUpToItsLimit() throws {
    let scratch = try Scratch()
    let path = try scratch.write("file", "12345")
    #expect(try Files.readText(path, maximumBytes: 5) == "12345")
    #expect(throws: SystemError("read", code: EFBIG, subject: path)) {
      _ = try Files.read(path, maximumBytes: 4)
    }
    #expect(try Files.read("/dev/null", maximumBytes: 0) == [])
    let big = [UInt8](repeating: 7, count: 200_000)
    try Files.replace(path, with: big.span)
    #expect(try Files.read(path) == big)
    let error = #expect(throws: SystemError.self) { _ = try Files.read("\(path)/x") }
    #expect(error?.description == "open \(path)/x: Not a directory")
  }

  @Test func makesFoldersWithTheModeAskedFor() throws {
    let scratch = try Scratch()
    let deep = "\(scratch.path)/a/b//c/"
    try Files.makeDirectories(deep, mode: 0o2770)
    #expect(try Files.status(of: deep)?.mode == 0o2770)
    #expect(try Files.status(of: "\(scratch.path)/a")?.kind == .directory)
    try Files.makeDirectories(deep, mode: 0o700)
    #expect(try Files.status(of: deep)?.mode == 0o2770)
    let file = try scratch.write("file", "")
    for path in [file, "\(file)/below"] {
      let error = #expect(throws: SystemError.self) { try Files.makeDirectories(path) }
      #expect(error?.code == ENOTDIR)
    }
  }

  @Test(arguments: [
    ("/a/b", "/a"), ("/a/b/", "/a"), ("/a//b", "/a"), ("/a", "/"), ("/", "/"), ("a", "."),
    ("a/b", "a"), ("//", "/"), ("", "."),
  ]) func parents(path: String, parent: String) {
    #expect(Files.parent(of: path) == parent)
  }

  @Test func statusTellsKindsApart() throws {
    let scratch = try Scratch()
    let file = try scratch.write("file", "12345", mode: 0o640)
    try Files.makeLink("\(scratch.path)/link", to: "file")
    try Files.makeFIFO("\(scratch.path)/fifo", mode: 0o622)
    let status = try #require(try Files.status(of: file))
    #expect(status.kind == .regular && status.size == 5 && status.mode == 0o640)
    #expect(status.user == Processes.ownUser)
    #expect(abs(status.modifiedNanoseconds - Clock.realTimeNanoseconds) < 3_600_000_000_000)
    #expect(try Files.status(of: "\(scratch.path)/link") == status)
    #expect(try Files.status(of: "\(scratch.path)/link", followingLinks: false)?.kind == .link)
    let fifo = try Files.status(of: "\(scratch.path)/fifo")
    #expect(fifo?.kind == .fifo && fifo?.mode == 0o622)
    #expect(try Files.status(of: scratch.path)?.kind == .directory)
    #expect(try Files.status(of: "/dev/null")?.kind == .characterDevice)
    #expect(try Files.status(of: "\(scratch.path)/nothing") == nil)
    #expect(try Files.status(of: "\(file)/nothing") == nil)
    #expect(try Files.open(file, .readOnly).status() == status)
    #expect(try Files.linkTarget("\(scratch.path)/link") == "file")
    #expect(try Files.realPath("\(scratch.path)/./link") == Files.realPath(file))
    #expect(try Files.names(in: scratch.path) == ["fifo", "file", "link"])
  }

  @Test func lockIsExclusive() throws {
    let scratch = try Scratch()
    let path = try scratch.write("lock", "")
    let first = try Files.open(path, .readWrite)
    let second = try Files.open(path, .readWrite)
    #expect(try first.lock())
    #expect(try first.lock())
    #expect(try second.lock() == false)
    first.close()
    try onceCopiesAreClosed { try second.lock() }
    try second.truncate(toBytes: 3)
    #expect(try Files.read(path) == [0, 0, 0])
  }

  @Test func spaceIsPlausible() throws {
    let space = try Files.space(at: "/tmp")
    #expect(space.totalBytes > 0 && (0...space.totalBytes).contains(space.availableBytes))
    #expect(throws: SystemError("statvfs", code: ENOENT, subject: "/no/such")) {
      _ = try Files.space(at: "/no/such")
    }
  }

  @Test func watchTellsWhatHappens() throws {
    let scratch = try Scratch()
    let watch = try FileWatch()
    let number = try watch.add(scratch.path, for: [.created, .removed, .written, .movedHere])
    #expect(try watch.events() == [])
    let path = try scratch.write("file", "x")
    #expect(try watch.descriptor.wait(timeoutMilliseconds: nil))
    let events = try watch.events()
    #expect(events.allSatisfy { $0.watch == number })
    #expect(events.contains { $0.changes == .movedHere && $0.name == "file" })
    try Files.remove(path)
    #expect(try watch.events() == [.init(watch: number, changes: .removed, name: "file")])
    try watch.remove(number)
    #expect(try watch.events() == [.init(watch: number, changes: .ended, name: nil)])
  }
}

@Suite struct UserTests {
  private let database = UserDatabase(
    passwd: """
      root:x:0:0:root:/root:/bin/bash
      # a comment:x:1:1:::
      broken line
      ada:x:1001:1002:Ada:/home/ada:/bin/sh
      1001:x:7:8:a name that looks like a number:/:/bin/sh
      bad:x:minus:1:::
      """,
    group: """
      root:x:0:
      staff:x:1002:ada
      audio:x:29:ada,bob
      video:x:44:bob,ada
      none:x:77:
      """)

  @Test func namesAndNumbers() throws {
    let ada = SpawnRequest.Identity(user: 1001, group: 1002, supplementaryGroups: [1002, 29, 44])
    #expect(try database.identity("ada") == ada)
    #expect(database.user("ada")?.home == "/home/ada" && database.user("ada")?.shell == "/bin/sh")
    #expect(try database.identity("0") == .init(user: 0, group: 0, supplementaryGroups: [0]))
    // A name goes before a number.
    #expect(try database.identity("1001") == .init(user: 7, group: 8, supplementaryGroups: [8]))
    #expect(
      try database.identity("ada:none")
        == .init(user: 1001, group: 77, supplementaryGroups: [77, 29, 44]))
    #expect(try database.identity("4242") == .init(user: 4242, group: 4242))
    #expect(try database.identity("4242:4343") == .init(user: 4242, group: 4343))
  }

  @Test(arguments: ["bob", "", "bad", "4294967295", "-1", "4294967295:1", "ada "])
  func noSuchUser(text: String) {
    let name = text.split(separator: ":", omittingEmptySubsequences: false).first.map { String($0) }
    let error = #expect(throws: UserDatabase.LookupError.self) { _ = try database.identity(text) }
    #expect(error == .noSuchUser(name ?? ""))
    #expect(error?.description == "no such user: \(name ?? "")")
  }

  @Test(arguments: ["nobody", "", "4294967295"]) func noSuchGroup(group: String) {
    #expect(throws: UserDatabase.LookupError.noSuchGroup(group)) {
      _ = try database.identity("ada:\(group)")
    }
  }

  @Test func systemHasRoot() throws {
    let root = try #require(try UserDatabase.ofSystem().user("root"))
    #expect(root.user == 0 && root.group == 0)
  }
}
