/// The candidate that `word` was probably meant to be; nil when none is close.
func nearest(to word: String, among candidates: [String]) -> String? {
  let limit = max(1, word.count / 3)
  let distances = candidates.map { ($0, editDistance(word, $0)) }
  guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= limit else {
    // A beginning that fits one candidate only is as good.
    let completed = candidates.filter { word.count >= 2 && $0.hasPrefix(word) }
    return completed.count == 1 ? completed[0] : nil
  }
  return best.0
}

/// How many letters must be changed, added, dropped or swapped with their neighbor (the optimal
/// string alignment distance).
private func editDistance(_ left: String, _ right: String) -> Int {
  let left = Array(left)
  let right = Array(right)
  var beforePrevious: [Int] = []
  var previous = Array(0...right.count)
  for row in left.indices {
    var current = [row + 1]
    for column in right.indices {
      let change = left[row] == right[column] ? 0 : 1
      var best = min(
        previous[column] + change, previous[column + 1] + 1, current[column] + 1)
      if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
        best = min(best, beforePrevious[column - 1] + 1)
      }
      current.append(best)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.count]
}
