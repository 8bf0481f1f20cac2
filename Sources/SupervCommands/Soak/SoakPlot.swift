import FoundationEssentials

/// A picture of all series: a panel for each, with its points, the line that was fitted and what
/// was found. SVG 1.1, readable on a light and on a dark page.
package struct SoakPlot {
  private static let columns = 3
  private static let panelWidth = 320.0
  private static let panelHeight = 130.0
  private static let plotLeft = 12.0
  private static let plotTop = 36.0
  private static let plotWidth = 296.0
  private static let plotHeight = 76.0

  private let results: [SoakResult]

  package init(_ results: [SoakResult]) { self.results = results }

  package var svg: String {
    let rows = (results.count + Self.columns - 1) / Self.columns
    let width = Self.panelWidth * Double(Self.columns)
    let height = Self.panelHeight * Double(max(1, rows))
    let panels = results.enumerated().map { index, result in
      let x = Double(index % Self.columns) * Self.panelWidth
      let y = Double(index / Self.columns) * Self.panelHeight
      return "<g transform=\"translate(\(number(x)),\(number(y)))\">\n\(panel(result))</g>\n"
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height))" \
      width="\(number(width))" height="\(number(height))" font-family="sans-serif" font-size="11">
      <style>
        text { fill: #24292f } .dim { fill: #6e7781 } .frame { fill: none; stroke: #8c959f }
        .warm { fill: #8c959f; fill-opacity: 0.15 }
        .points { fill: none; stroke: #0969da } .fit { stroke: #1a7f37 }
        .growing { stroke: #cf222e; fill: #cf222e }
        @media (prefers-color-scheme: dark) {
          text { fill: #e6edf3 } .dim { fill: #8d96a0 } .points { stroke: #4493f8 }
          .fit { stroke: #3fb950 } .growing { stroke: #f85149; fill: #f85149 }
        }
      </style>
      \(panels.joined())</svg>

      """
  }

  private func panel(_ result: SoakResult) -> String {
    let values = result.series.points.map(\.value)
    let times = result.series.points.map(\.seconds)
    guard let first = times.first, let last = times.last, let least = values.min(),
      let most = values.max()
    else { return "" }
    let span = max(last - first, 1e-9)
    // What never changes is a line in the middle.
    let margin = most > least ? (most - least) * 0.05 : max(1, most * 0.05)
    let bottom = least - margin
    let range = most - least + 2 * margin
    func x(_ seconds: Double) -> Double {
      Self.plotLeft + (seconds - first) / span * Self.plotWidth
    }
    func y(_ value: Double) -> Double {
      Self.plotTop + (1 - (value - bottom) / range) * Self.plotHeight
    }
    let points = zip(times, values).map { "\(number(x($0))),\(number(y($1)))" }
    let isGrowing = result.trend.verdict == .growing
    return """
      <text x="12" y="16" font-weight="bold">\(result.series.name)</text>
      <text x="308" y="16" text-anchor="end"\(isGrowing ? " class=\"growing\"" : "")>\
      \(result.trend.verdict.rawValue)</text>
      <text x="12" y="30" class="dim">\(result.series.unit.text(least)) to \
      \(result.series.unit.text(most))</text>
      <text x="308" y="30" text-anchor="end" class="dim">\(result.slopeText) a day</text>
      <rect class="warm" x="\(number(Self.plotLeft))" y="\(number(Self.plotTop))" \
      width="\(number(Self.plotWidth * SoakPlan.warmUp))" height="\(number(Self.plotHeight))"/>
      <rect class="frame" x="\(number(Self.plotLeft))" y="\(number(Self.plotTop))" \
      width="\(number(Self.plotWidth))" height="\(number(Self.plotHeight))"/>
      <polyline class="points" points="\(points.joined(separator: " "))"/>
      \(fit(result, from: first + span * SoakPlan.warmUp, to: last, x, y))
      """
  }

  private func fit(
    _ result: SoakResult, from start: Double, to end: Double, _ x: (Double) -> Double,
    _ y: (Double) -> Double
  ) -> String {
    let trend = result.trend
    guard trend.verdict != .unknown else { return "" }
    func value(_ seconds: Double) -> Double {
      trend.middleValue + trend.slopePerDay / 86_400 * (seconds - trend.middleSeconds)
    }
    return """
      <line class="\(trend.verdict == .growing ? "growing" : "fit")" x1="\(number(x(start)))" \
      y1="\(number(y(value(start))))" x2="\(number(x(end)))" y2="\(number(y(value(end))))"/>

      """
  }

  private func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0
      ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }
}

extension Series.Unit {
  /// For people: `1.25 MiB`, `40`.
  package func text(_ value: Double) -> String {
    switch self {
    case .count: short(value)
    case .bytes:
      switch abs(value) {
      case ..<1024: "\(short(value)) B"
      case ..<1_048_576: "\(short(value / 1024)) KiB"
      default: "\(short(value / 1_048_576)) MiB"
      }
    }
  }

  /// At most two digits after the point.
  private func short(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let rest = abs(hundredths) % 100
    let sign = hundredths < 0 ? "-" : ""
    let whole = "\(sign)\(abs(hundredths) / 100)"
    if rest == 0 { return whole }
    return rest % 10 == 0 ? "\(whole).\(rest / 10)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
  }
}
