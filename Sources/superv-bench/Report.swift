import BenchPage

/// One measured figure, beside what bare system calls need for the same work.
struct Figure {
  enum Target {
    case none
    /// At most so many times the bare figure.
    case ratioAtMost(Double)
    /// At least so many times the bare figure.
    case ratioAtLeast(Double)
    case valueAtMost(Double)
  }

  var name: String
  var unit: String
  var value: Double
  var bare: Double?
  var target = Target.none

  var ratio: Double? {
    guard let bare, bare > 0 else { return nil }
    return value / bare
  }

  var isMet: Bool? {
    switch target {
    case .none: nil
    case .ratioAtMost(let limit): ratio.map { $0 <= limit }
    case .ratioAtLeast(let limit): ratio.map { $0 >= limit }
    case .valueAtMost(let limit): value <= limit
    }
  }

  var targetText: String {
    switch target {
    case .none: ""
    case .ratioAtMost(let limit): "<= \(limit.rounded(to: 2)) x"
    case .ratioAtLeast(let limit): ">= \(limit.rounded(to: 2)) x"
    case .valueAtMost(let limit): "<= \(limit.rounded(to: 2)) \(unit)"
    }
  }

  var json: String {
    let fields = [
      "\"name\": \(quoted(name))", "\"unit\": \(quoted(unit))", "\"value\": \(value)",
      "\"bare\": \(bare.map { "\($0)" } ?? "null")",
      "\"ratio\": \(ratio.map { "\($0)" } ?? "null")",
      "\"target\": \(targetText.isEmpty ? "null" : quoted(targetText))",
      "\"met\": \(isMet.map { "\($0)" } ?? "null")",
    ]
    return "{" + fields.joined(separator: ", ") + "}"
  }
}

/// All figures of one run.
struct Report {
  /// What was measured on: the sizes asked for and the machine.
  var conditions: [String] = []
  var figures: [Figure] = []

  var misses: Int { figures.count { $0.isMet == false } }

  var table: String {
    let head = ["figure", "unit", "measured", "bare", "ratio", "target", ""]
    let rows = figures.map { figure in
      [
        figure.name, figure.unit, figure.value.rounded(to: 2),
        figure.bare?.rounded(to: 2) ?? "-", figure.ratio?.rounded(to: 2) ?? "-",
        figure.targetText, figure.isMet.map { $0 ? "met" : "MISSED" } ?? "",
      ]
    }
    let widths = head.indices.map { column in
      ([head] + rows).map { $0[column].count }.max() ?? 0
    }
    let lines = ([head] + rows).map { row in
      row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return (2...4).contains(column) ? padding + row[column] : row[column] + padding
      }.joined(separator: "  ").trimmingSuffix(" ")
    }
    return (conditions + [""] + lines).joined(separator: "\n")
  }

  /// The same as one JSON object.
  var json: String {
    """
    {
      "version": 1,
      "conditions": [
        \(conditions.map(quoted).joined(separator: ",\n    "))
      ],
      "figures": [
        \(figures.map(\.json).joined(separator: ",\n    "))
      ]
    }

    """
  }
}

/// A JSON string; what we say has nothing else to escape.
private func quoted(_ text: String) -> String {
  let escaped = text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
  return "\"\(escaped)\""
}

extension String {
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var text = self[...]
    while text.last == character { text.removeLast() }
    return String(text)
  }
}
