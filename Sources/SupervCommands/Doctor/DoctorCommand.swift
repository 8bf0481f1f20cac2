import SupervProtocol
import SupervSystem

/// Every check, in the order in which they are shown.
private let checks: [Check] =
  processChecks + kernelChecks + surroundingChecks + configurationChecks

/// The answer of `superv doctor --json`. Fields may be added, never renamed.
private struct DoctorReport: Encodable {
  struct Line: Encodable {
    var name: String
    var state: Finding.State
    var found: String
    @OrNull var advice: String?
  }

  var version = 1
  /// Nothing is missing.
  var ok: Bool
  var checks: [Line]
}

@Sendable func runDoctor(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let path = invocation.operands.first
  var examination = Examination(environment: session.environment)
  if let path { examination.configuration = try session.loadUsable(path) }
  let findings =
    checks.compactMap { check in
      check.examine(examination).map { (name: check.name, finding: $0) }
    } + sandboxFindings(examination)
  let missing = findings.filter { $0.finding.state == .missing }.map(\.name)
  if invocation.has("json") {
    let lines = findings.map { name, finding in
      DoctorReport.Line(
        name: name, state: finding.state, found: finding.found, advice: finding.advice)
    }
    session.console.write(json: DoctorReport(ok: missing.isEmpty, checks: lines))
  } else {
    session.console.write(doctorText(findings, missing, path, session.console.style))
  }
  return missing.isEmpty ? .ok : .no
}

private func doctorText(
  _ findings: [(name: String, finding: Finding)], _ missing: [String], _ path: String?,
  _ style: Style
) -> String {
  var table = Table(columns: [.init(title: "NAME"), .init(title: "STATE"), .init(title: "FOUND")])
  table.rows = findings.map { [Cell($0.name), $0.finding.state.cell, Cell($0.finding.text)] }
  var wide = style
  // The end of a line says what to do: it is not cut off.
  wide.width = nil
  let whom = path.map { "superv and \($0) need" } ?? "superv needs"
  let verdict =
    missing.isEmpty
    ? "Nothing that \(whom) is missing."
    : "Missing what \(whom): \(missing.joined(separator: ", "))."
  return table.rendered(wide) + "\n\(verdict)\n"
}

/// Says on standard error what process 1 of a small container lacks and superv does without.
func tellWhatIsMissing(in session: Session) {
  let examination = Examination(environment: session.environment)
  for check in checksOfContainers {
    if let finding = check.examine(examination), finding.state == .notAvailable {
      session.console.complain("missing: \(finding.text)")
    }
  }
}
