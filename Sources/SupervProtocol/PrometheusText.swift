/// Metrics in Prometheus' text format 0.0.4.
///
/// A family is begun once, with its help, and its samples follow it.
package struct PrometheusText {
  package enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  package typealias Label = (name: StaticString, value: String)

  package private(set) var bytes: [UInt8] = []
  private var name: StaticString = ""

  package init() {}

  /// Begins a family; one without samples may stand alone.
  ///
  /// - Parameters:
  ///   - name: ends in its unit, and in `_total` for a counter.
  ///   - help: one line without a backslash.
  package mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
    self.name = name
    put("# HELP ")
    put(name)
    put(" ")
    put(help)
    put("\n# TYPE ")
    put(name)
    put(" ")
    put(kind.rawValue)
    put("\n")
  }

  package mutating func sample(_ value: Double, _ labels: Label...) {
    sample("", labels, nil, value)
  }

  package mutating func sample(_ value: some BinaryInteger, _ labels: Label...) {
    sample("", labels, nil, Double(value))
  }

  /// All samples of one histogram: buckets, sum and count.
  package mutating func histogram(_ histogram: LatencyHistogram, _ labels: Label...) {
    var count: UInt64 = 0
    for (index, bound) in LatencyHistogram.boundsSeconds.enumerated() {
      count += histogram.counts[index]
      sample("_bucket", labels, Self.text(bound), Double(count))
    }
    sample("_bucket", labels, "+Inf", Double(histogram.count))
    sample("_sum", labels, nil, histogram.sumSeconds)
    sample("_count", labels, nil, Double(histogram.count))
  }

  private mutating func sample(
    _ suffix: StaticString, _ labels: [Label], _ bound: String?, _ value: Double
  ) {
    put(name)
    put(suffix)
    if !labels.isEmpty || bound != nil {
      put("{")
      for (index, label) in labels.enumerated() {
        if index > 0 { put(",") }
        put(label.name)
        put("=\"")
        putEscaped(label.value)
        put("\"")
      }
      if let bound {
        put(labels.isEmpty ? "le=\"" : ",le=\"")
        put(bound)
        put("\"")
      }
      put("}")
    }
    put(" ")
    put(Self.text(value))
    put("\n")
  }

  private static func text(_ value: Double) -> String {
    // Whole numbers without a fraction, as people write them.
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : value.description
  }

  private mutating func put(_ text: StaticString) {
    text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func putEscaped(_ text: String) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): put(#"\n"# as StaticString)
      default: bytes.append(byte)
      }
    }
  }
}

/// How long something took, counted in fixed buckets from 100 µs to a minute.
package struct LatencyHistogram: Hashable, Sendable {
  /// Upper bounds, included.
  package static let boundsSeconds: [Double] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    30, 60,
  ]
  private static let boundsNanoseconds: [18 of Int64] = .init { index in
    Int64((boundsSeconds[index] * 1e9).rounded())
  }

  /// One for each bound; what is longer than the last is only in `count`.
  package private(set) var counts: [18 of UInt64] = .init(repeating: 0)
  package private(set) var count: UInt64 = 0
  private var sumNanoseconds: Int64 = 0

  package init() {}

  package var sumSeconds: Double { Double(sumNanoseconds) / 1e9 }

  package mutating func add(nanoseconds: Int64) {
    count += 1
    sumNanoseconds &+= nanoseconds
    for index in counts.indices where nanoseconds <= Self.boundsNanoseconds[index] {
      counts[index] += 1
      return
    }
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.count == right.count && left.sumNanoseconds == right.sumNanoseconds
      && left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(count)
    hasher.combine(sumNanoseconds)
  }
}
