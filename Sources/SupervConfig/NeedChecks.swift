import SupervisionTree

// Whether everything can start: needs, the order under rest_for_one and the tree itself say what
// waits for what, and nothing may wait for itself. The plain mistakes are found one by one, so that
// the message can say what to do; what is left are circles, found in the graph of all waits.

extension DeclaredTree {
  func checkNeeds(_ reading: inout Reading) {
    var graph = WaitGraph(self)
    // Instances of one agent under one supervisor have the same needs: checking each pair of
    // instances would take a square of their number.
    var checked: [NeedOfSiblings: [Int]] = [:]
    for node in nodes.indices {
      for need in needs(node) {
        let siblings = NeedOfSiblings(need: need, parent: nodes[node].parent)
        let targets = checked[siblings] ?? checkedTargets(of: need, node, &reading)
        checked[siblings] = targets
        graph.add(node, needs: targets, at: need.place)
      }
    }
    for circle in graph.circles() {
      reading.error(
        circle.place, "nothing here can start first: \(circle.text)",
        hint: "take one of these needs out")
    }
  }

  /// The nodes that a need means; none after a complaint.
  private func checkedTargets(
    of need: PlacedNeed, _ node: Int, _ reading: inout Reading
  ) -> [Int] {
    guard let targets = resolve(need.need.name, at: need.place, &reading),
      !isContradiction(node, need, targets, &reading)
    else { return [] }
    warnAboutTargets(node, need, targets, &reading)
    return targets
  }

  private func isContradiction(
    _ node: Int, _ need: PlacedNeed, _ targets: [Int], _ reading: inout Reading
  ) -> Bool {
    let name = need.need.name
    let own = declaredName(node)
    let isOwn = targets.first.map { nodes[$0].declaration == nodes[node].declaration } ?? false
    if isOwn, targets.count > 1 || targets.contains(node) {
      reading.error(need.place, "\(own) needs itself", hint: "take it out")
      return true
    }
    let ancestors = ancestors(of: node)
    for target in targets {
      if need.need.condition == .done, policy(target).restart == .permanent,
        !keys(target).isUnreadable("restart")
      {
        reading.error(
          need.place, "\(name) is permanent: it is restarted whenever it ends, and never done",
          hint: "add `restart = transient` to \(declaredName(target)), or need `\(name):ready`")
        return true
      }
      if ancestors.contains(target) {
        reading.error(
          need.place, "\(own) is below \(name), which is up only when all below it are",
          hint: "take it out: a supervisor starts before its children")
        return true
      }
      let above = self.ancestors(of: target)
      if above.contains(node) {
        reading.error(
          need.place, "\(name) is below \(own) and starts after it",
          hint: "name it in the `needs` of another child of \(own)")
        return true
      }
      if let supervisor = ancestors.first(where: above.contains),
        self.supervisor(supervisor)?.settings.strategy == .restForOne,
        order(of: target, above, in: supervisor) > order(of: node, ancestors, in: supervisor)
      {
        reading.error(
          need.place,
          "under rest_for_one \(name) starts after \(own) in "
            + "[supervisor:\(nodes[supervisor].name)]",
          hint: "put \(name) before \(own) in its `children`")
        return true
      }
    }
    return false
  }

  /// The position, among a supervisor's children, of the one that a node is or is below.
  private func order(of node: Int, _ ancestors: [Int], in supervisor: Int) -> Int {
    let line = [node] + ancestors
    let child = line.firstIndex(of: supervisor).map { line[$0 - 1] } ?? node
    return nodes[supervisor].children.firstIndex(of: child) ?? 0
  }

  private func warnAboutTargets(
    _ node: Int, _ need: PlacedNeed, _ targets: [Int], _ reading: inout Reading
  ) {
    guard policy(node).autostart else { return }
    for target in targets where !policy(target).autostart {
      reading.warning(
        need.place,
        "\(declaredName(node)) waits until somebody starts \(need.need.name), which has "
          + "`autostart = no`",
        hint: "set `autostart = no` here too, or remove it there")
      return
    }
  }
}

private struct NeedOfSiblings: Hashable {
  var need: PlacedNeed
  var parent: Int?
}
