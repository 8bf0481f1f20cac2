import FoundationEssentials

// Whether something grows. A soak measures noise that is not normal (a process that starts takes
// pages of a library along, a log rotates, a table doubles), so what is fitted is a median: the
// Theil–Sen slope through the medians of pieces of the time, with the interval that Sen, "Estimates
// of the regression coefficient based on Kendall's tau" (1968), gives for it.

/// One quantity over time.
package struct Series: Sendable {
  package struct Point: Hashable, Sendable {
    package var seconds: Double
    package var value: Double

    package init(seconds: Double, value: Double) {
      self.seconds = seconds
      self.value = value
    }
  }

  package enum Unit: String, Sendable, Encodable {
    case bytes, count

    /// Growth in a day that is none to anybody: so much of it is not called a slope.
    package var tolerancePerDay: Double {
      switch self {
      case .bytes: 1_048_576
      case .count: 24
      }
    }
  }

  /// For example `daemon memory`.
  package var name: String
  package var unit: Unit
  package var points: [Point] = []

  package init(_ name: String, _ unit: Unit, points: [Point] = []) {
    self.name = name
    self.unit = unit
    self.points = points
  }
}

/// How a quantity goes on once superv is warm.
package struct Trend: Hashable, Sendable {
  package enum Verdict: String, Sendable, Encodable {
    /// The interval holds zero.
    case flat
    /// It does not, and so little is no growth to anybody.
    case small
    case growing
    /// It goes down, as something does that was warmed up for too short a time.
    case falling
    /// Too few points, or too short a time, to say anything.
    case unknown
  }

  package var slopePerDay = 0.0
  /// The ends of the interval that holds the slope with 99.9 %: of forty quantities that do not
  /// grow one looks as if it did in one run out of fifty.
  package var lowestPerDay = 0.0
  package var highestPerDay = 0.0
  package var verdict = Verdict.unknown
  /// The middle of what was measured: the fitted line goes through it.
  package var middleSeconds = 0.0
  package var middleValue = 0.0

  private static let normalQuantile = 3.29
  private static let secondsPerDay = 86_400.0
  private static let pieceCount = 24
  private static let fewestPointsInPiece = 3
  private static let shortestSeconds = 60.0
  /// Something that grows faster and faster is not a straight line either: the interval gets twice
  /// as wide at most, which a step needs and growth survives.
  private static let greatestLikeness = 0.6

  /// - Parameter warmUp: what to leave out of the beginning, as a part of the whole.
  package init(of series: Series, warmUp: Double) {
    guard let first = series.points.first, let last = series.points.last else { return }
    let start = first.seconds + warmUp * (last.seconds - first.seconds)
    let points = series.points.filter { $0.seconds >= start }
    middleSeconds = median(points.map(\.seconds))
    middleValue = median(points.map(\.value))
    guard points.count >= Self.pieceCount * Self.fewestPointsInPiece,
      last.seconds - start >= Self.shortestSeconds
    else { return }
    let pieces = Self.pieces(of: points)
    let slopes = Self.slopes(of: pieces)
    let slope = median(slopes)
    let spread = Self.spread(of: pieces, slope)
    // With so many pieces the ranks are always among the slopes.
    let low = Int(((Double(slopes.count) - spread) / 2).rounded(.down))
    let high = Int(((Double(slopes.count) + spread) / 2).rounded(.up))
    slopePerDay = slope * Self.secondsPerDay
    lowestPerDay = slopes[max(0, low - 1)] * Self.secondsPerDay
    highestPerDay = slopes[min(slopes.count - 1, high)] * Self.secondsPerDay
    verdict = verdict(series.unit)
  }

  private func verdict(_ unit: Series.Unit) -> Verdict {
    if lowestPerDay <= 0, highestPerDay >= 0 { return .flat }
    if abs(slopePerDay) < unit.tolerancePerDay { return .small }
    return slopePerDay > 0 ? .growing : .falling
  }

  /// The medians of equal parts of the points.
  private static func pieces(of points: [Series.Point]) -> [Series.Point] {
    (0..<pieceCount).map { index in
      let start = index * points.count / pieceCount
      let piece = points[start..<((index + 1) * points.count / pieceCount)]
      return Series.Point(
        seconds: median(piece.map(\.seconds)), value: median(piece.map(\.value)))
    }
  }

  /// Of every pair, in order.
  private static func slopes(of points: [Series.Point]) -> [Double] {
    points.indices.flatMap { later in
      points[..<later].map { earlier in
        (points[later].value - earlier.value) / (points[later].seconds - earlier.seconds)
      }
    }.sorted()
  }

  /// How many of the slopes are between the ends of the interval: the deviation of Kendall's S with
  /// its correction for ties, and wider where neighbours around the line are alike, as they are
  /// after a step: then there are fewer points than it seems.
  private static func spread(of points: [Series.Point], _ slope: Double) -> Double {
    func term(_ number: Int) -> Double { Double(number * (number - 1) * (2 * number + 5)) }
    var ties: [Double: Int] = [:]
    for point in points { ties[point.value, default: 0] += 1 }
    let variance = (term(points.count) - ties.values.reduce(0) { $0 + term($1) }) / 18
    let residuals = points.map { $0.value - slope * $0.seconds }
    let likeness = max(0, min(greatestLikeness, neighbourCorrelation(residuals)))
    return normalQuantile * (variance * (1 + likeness) / (1 - likeness)).squareRoot()
  }

  private static func neighbourCorrelation(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    let deviations = values.map { $0 - mean }
    let variance = deviations.reduce(0) { $0 + $1 * $1 }
    guard variance > 0 else { return 0 }
    return zip(deviations, deviations.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / variance
  }
}

/// Of an even number the mean of the two in the middle; 0 of none.
private func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard let upper = sorted.dropFirst(sorted.count / 2).first else { return 0 }
  return sorted.count.isMultiple(of: 2) ? (sorted[sorted.count / 2 - 1] + upper) / 2 : upper
}
