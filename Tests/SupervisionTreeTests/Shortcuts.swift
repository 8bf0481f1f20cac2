import SupervisionTree

// Short ways to say what happens; each answers with the part of the trace that follows from it.

extension TreeDriver {
  /// A tree whose start is over.
  static func begun(_ specification: TreeSpecification) -> TreeDriver {
    var driver = TreeDriver(specification)
    driver.feed(.begin)
    driver.trace = []
    return driver
  }

  @discardableResult
  mutating func step(_ act: (inout TreeDriver) -> Void) -> [String] {
    trace = []
    act(&self)
    drain()
    return trace
  }

  @discardableResult
  mutating func exit(_ name: String, code: Int32) -> [String] {
    step { $0.end(name, .exited(code: code), saying: "exit \(name)") }
  }

  @discardableResult
  mutating func crash(_ name: String) -> [String] { exit(name, code: 1) }

  @discardableResult
  mutating func unhealthy(_ name: String) -> [String] {
    step { driver in
      guard let id = driver.tree.id(named: name), let incarnation = driver.living[id] else {
        return
      }
      driver.post(.unhealthy(id, incarnation: incarnation, why: World.sick))
    }
  }

  @discardableResult
  mutating func request(_ request: Request, _ name: String) -> [String] {
    step { driver in
      if let id = driver.tree.id(named: name) { driver.post(.request(request, id)) }
    }
  }

  @discardableResult
  mutating func reload(_ specification: TreeSpecification) -> [String] {
    step { $0.post(.reload(specification)) }
  }

  @discardableResult
  mutating func fireTimer() -> [String] { step { _ = $0.fireNextTimer() } }

  func status(_ name: String) -> ChildStatus? {
    tree.id(named: name).map { tree.status(of: $0) }
  }

  func phase(_ name: String) -> PublicPhase? { status(name)?.phase }

  var alive: [String] { living.keys.map { tree.name(of: $0) }.sorted() }
}

extension World {
  static func begun(
    _ specification: TreeSpecification, stopped: Set<String> = []
  ) -> World {
    var world = World(specification, stopped: stopped)
    world.play(.begin)
    return world
  }

  subscript(name: String) -> NodeID { tree.id(named: name) ?? NodeID(index: .max) }

  func phase(_ name: String) -> PublicPhase { tree.publicPhase(of: self[name]) }

  func status(_ name: String) -> ChildStatus { tree.status(of: self[name]) }

  /// Everybody who waits for an answer gets the good one; timers stay as they are.
  mutating func answer() {
    while isWaitedFor {
      if let id = making.keys.min() { play(.spawned(id)) }
      if let id = living.filter(\.value.isTold).keys.min() { play(.stops(id)) }
    }
  }

  mutating func crash(_ name: String, code: Int32 = 1) {
    play(.ends(self[name], .exited(code: code)))
  }

  mutating func ask(_ request: Request, _ name: String) { play(.request(request, self[name])) }
}
