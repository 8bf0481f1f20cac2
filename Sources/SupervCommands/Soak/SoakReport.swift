import SupervProtocol

/// What came of one quantity.
package struct SoakResult: Sendable, Encodable {
  package var series: Series
  package var trend: Trend

  package init(_ series: Series) {
    self.series = series
    trend = Trend(of: series, warmUp: SoakPlan.warmUp)
  }

  var slopeText: String {
    trend.verdict == .unknown ? "–" : series.unit.text(trend.slopePerDay)
  }

  private enum CodingKeys: String, CodingKey {
    case name, unit, verdict, first, last, least, most
    case slope = "slope_per_day"
    case lowest = "lowest_per_day"
    case highest = "highest_per_day"
  }

  package func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    let values = series.points.map(\.value)
    try members.encode(series.name, forKey: .name)
    try members.encode(series.unit, forKey: .unit)
    try members.encode(trend.verdict, forKey: .verdict)
    try members.encode(values.first ?? 0, forKey: .first)
    try members.encode(values.last ?? 0, forKey: .last)
    try members.encode(values.min() ?? 0, forKey: .least)
    try members.encode(values.max() ?? 0, forKey: .most)
    guard trend.verdict != .unknown else { return }
    try members.encode(trend.slopePerDay, forKey: .slope)
    try members.encode(trend.lowestPerDay, forKey: .lowest)
    try members.encode(trend.highestPerDay, forKey: .highest)
  }
}

/// What a soak has found, for people and for programs.
package struct SoakReport: Sendable, Encodable {
  var version = 1
  var superv = supervVersion
  var startedAt: String
  var host: String
  var plan: SoakPlan
  /// How long it really was.
  var seconds: Double
  var points: Int
  var done: SoakDone
  var results: [SoakResult]
  package var ok: Bool { growing.isEmpty }

  private enum CodingKeys: String, CodingKey {
    case version, superv
    case startedAt = "started_at"
    case host, plan, seconds, points, done, ok, results
  }

  package func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(version, forKey: .version)
    try members.encode(superv, forKey: .superv)
    try members.encode(startedAt, forKey: .startedAt)
    try members.encode(host, forKey: .host)
    try members.encode(plan, forKey: .plan)
    try members.encode(seconds, forKey: .seconds)
    try members.encode(points, forKey: .points)
    try members.encode(done, forKey: .done)
    try members.encode(ok, forKey: .ok)
    try members.encode(results, forKey: .results)
  }

  private var growing: [SoakResult] { results.filter { $0.trend.verdict == .growing } }

  /// One line: the answer.
  var verdict: String {
    if !growing.isEmpty {
      return "growing: \(growing.map(\.series.name).joined(separator: ", "))"
    }
    if results.allSatisfy({ $0.trend.verdict == .unknown }) {
      return "too short to say: a soak of less than two minutes only shows that it runs"
    }
    return "nothing grows: of \(results.count) quantities none has a slope"
  }

  /// - Parameter plot: where the picture is, as the text is to link to it.
  func markdown(plot: String) -> String {
    """
    # Soak of superv \(superv)

    **\(verdict).**

    Started \(startedAt) on \(host), for \(ageText(seconds: seconds)) with \(points) looks at it. \
    The first \(ageText(seconds: seconds * SoakPlan.warmUp)) are for getting warm and do not count.

    | of \(plan.agents) agents, by superv's own count | wanted in a second | in all | in a second |
    |---|---|---|---|
    \(row("restarts", plan.restarts, done.restarts))
    \(row("calls", plan.calls, done.calls))
    \(row("log lines", plan.lines, done.lines))

    \(Int(done.failedCalls)) calls ended with an error, \(Int(done.droppedLines)) lines were \
    dropped, \(Int(done.failedProbes)) of about \(Int(plan.probes * seconds)) probes failed.

    ![Each quantity over time](\(plot))

    | quantity | first | last | most | slope in a day | with 99.9 % between | verdict |
    |---|---|---|---|---|---|---|
    \(results.map(row).joined(separator: "\n"))

    A slope is *flat* when it cannot be told from zero, *small* when it can and is less than \
    \(Series.Unit.bytes.text(Series.Unit.bytes.tolerancePerDay)) or \
    \(Series.Unit.count.text(Series.Unit.count.tolerancePerDay)) entries in a day.

    """
  }

  private func row(_ what: String, _ wanted: Double, _ count: Double) -> String {
    let rate = seconds > 0 ? count / seconds : 0
    return "| \(what) | \(Series.Unit.count.text(wanted)) | \(Int(count)) | "
      + "\(Series.Unit.count.text(rate)) |"
  }

  private func row(_ result: SoakResult) -> String {
    let unit = result.series.unit
    let values = result.series.points.map(\.value)
    let trend = result.trend
    let interval =
      trend.verdict == .unknown
      ? "–" : "\(unit.text(trend.lowestPerDay)) and \(unit.text(trend.highestPerDay))"
    return "| \(result.series.name) | \(unit.text(values.first ?? 0)) | "
      + "\(unit.text(values.last ?? 0)) | \(unit.text(values.max() ?? 0)) | \(result.slopeText) | "
      + "\(interval) | \(trend.verdict.rawValue) |"
  }
}
