import SupervisionTree
import Testing

/// Small trees, and everything that can happen to them.
@Suite struct ExhaustiveTests {
  enum Shape: CaseIterable {
    case two, three, nestedFirst, nestedLast, twice, atRoot
  }

  @Test(arguments: Shape.allCases, Strategy.allCases)
  func everySmallTree(shape: Shape, strategy: Strategy) {
    var stepCount = 0
    var stateCount = 0
    var treeCount = 0
    for type in RestartType.allCases {
      for limit in 0...1 {
        let specification = Self.tree(shape, strategy, type, limit: limit)
        var explorer = Explorer()
        if let failure = explorer.firstFailure(specification, disturbances: 1) {
          Issue.record("\(failure)")
          return
        }
        treeCount += 1
        stepCount += explorer.stepCount
        stateCount += explorer.stateCount
      }
    }
    print(
      "\(shape) \(strategy.rawValue): \(treeCount) trees, \(stateCount) states, \(stepCount) steps")
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
