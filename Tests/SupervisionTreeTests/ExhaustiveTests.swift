import SupervisionTree
import Testing

/// Small trees, and everything that can happen to them.
@Suite struct ExhaustiveTests {
  enum Shape: CaseIterable {
    case two, three, nestedFirst, nestedLast, twice, atRoot
  }

  /// One disturbance at every moment, under every restart type and limit.
  @Test(arguments: Shape.allCases, Strategy.allCases)
  func oneDisturbance(shape: Shape, strategy: Strategy) {
    var trees: [(TreeSpecification, [TreeSpecification])] = []
    for type in RestartType.allCases {
      for limit in 0...1 {
        let tree = Self.tree(shape, strategy, type, limit: limit)
        trees.append((tree, Self.variants(of: tree)))
      }
    }
    explore(trees, disturbances: 1, "\(shape) \(strategy.rawValue)")
  }

  /// Two disturbances, the second at every moment after the first.
  @Test(arguments: [
    (Shape.two, Strategy.oneForOne), (.two, .oneForAll), (.two, .restForOne),
    (.nestedFirst, .oneForAll), (.nestedFirst, .restForOne),
  ])
  func twoDisturbances(shape: Shape, strategy: Strategy) {
    let tree = Self.tree(shape, strategy, .permanent, limit: 1)
    explore([(tree, [])], disturbances: 2, "\(shape) \(strategy.rawValue)")
  }

  private func explore(
    _ trees: [(TreeSpecification, [TreeSpecification])], disturbances: Int, _ title: String
  ) {
    var stepCount = 0
    var stateCount = 0
    for (tree, variants) in trees {
      var explorer = Explorer(variants: variants)
      if let failure = explorer.firstFailure(tree, disturbances: disturbances) {
        Issue.record("\(failure)")
        return
      }
      stepCount += explorer.stepCount
      stateCount += explorer.stateCount
    }
    print(
      "\(title), \(disturbances): \(trees.count) trees, \(stateCount) states, \(stepCount) steps")
  }

  /// One change of each kind.
  private static func variants(of tree: TreeSpecification) -> [TreeSpecification] {
    var without = tree
    without.remove("a")
    var changed = tree
    changed.replaceAgent("a") { $0.fingerprint = 1 }
    var moved = tree
    let a = tree.everyChild.first { $0.name == "a" }
    moved.remove("a")
    moved.children += a.map { [$0] } ?? []
    var other = tree
    other.replaceSupervisor("s") { supervisor in
      supervisor.strategy = supervisor.strategy == .oneForOne ? .oneForAll : .oneForOne
      supervisor.children.reverse()
    }
    var turned = tree
    var inner = SupervisorSpecification(name: "a")
    inner.children = [SupervisionTreeTests.agent("x")]
    turned.replace("a", by: .supervisor(inner))
    return [without, changed, moved.withoutBrokenNeeds, other.withoutBrokenNeeds, turned]
  }

  private static func tree(
    _ shape: Shape, _ strategy: Strategy, _ type: RestartType, limit: Int
  ) -> TreeSpecification {
    func top(_ children: [ChildSpecification]) -> ChildSpecification {
      supervisor("s", strategy, limit: limit, type, children)
    }
    let needing = SupervisionTreeTests.agent("b", type) { $0.policy.needs = [Need("a")] }
    let a = agent("a", type)
    let b = agent("b")
    let c = agent("c", type)
    let children: [ChildSpecification] =
      switch shape {
      case .two: [top([a, b])]
      case .three: [top([a, needing, c])]
      case .nestedFirst: [top([supervisor("t", limit: limit, type, [a]), b])]
      case .nestedLast: [top([b, supervisor("t", .oneForAll, limit: limit, type, [a])])]
      case .twice:
        [
          top([
            supervisor(
              "t", strategy, limit: 1, .permanent,
              [supervisor("u", strategy, limit: 0, .permanent, [a])])
          ])
        ]
      case .atRoot: [a, top([needing])]
      }
    var tree = TreeSpecification(children)
    tree.backoff = .off
    tree.intensity = RestartIntensity(limit: limit)
    return tree
  }
}
