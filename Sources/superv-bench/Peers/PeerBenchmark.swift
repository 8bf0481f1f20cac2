import BenchPage
import CBench

extension Benchmark {
  /// superv beside every other supervisor that is installed; the page goes to its file, or out.
  mutating func measurePeers() throws {
    // A supervisor of 1,000 programs needs a few descriptors for each.
    cbench_allow_files(20_000)
    let wanted = Entry.all.filter { options.peerNames?.contains($0.name) ?? true }
    let missing = wanted.filter { !$0.isInstalled }
    for contestant in missing {
      complain(
        "superv-bench: \(contestant.name) is not installed (package \(contestant.package)) "
          + "and is not measured")
    }
    let present = wanted.filter(\.isInstalled)
    guard !present.isEmpty else { throw BenchError("none of them is installed") }
    let entries = present.flatMap { contestant in
      [false, true].map { Entry(contestant: contestant, isFastest: $0) }
    }.filter { entry in
      // Whether it works is seen with one of its settings.
      entry.contestant.fastestSettings == nil
        ? !entry.isFastest : entry.isFastest || !options.isQuick
    }
    let machine = MachineFacts(present, options)
    let own = folder + "/peers"
    try makeFolder(own)
    var contest = Contest(options, in: own, entries: entries)
    try contest.run()
    addFigures(of: contest)
    let page = PeerPage(
      contest: contest, machine: machine, arguments: options.arguments, present: present,
      missing: missing)
    guard let path = options.pagePath else { return print(page.markdown(plotFolder: "plots")) }
    try save(page, to: path)
  }

  /// The plots go into a folder beside the page that has its name.
  private mutating func save(_ page: PeerPage, to path: String) throws(BenchError) {
    let plots = path.hasSuffix(".md") ? String(path.dropLast(3)) : path + ".plots"
    if realPath(plots) == nil { try makeFolder(plots) }
    for plot in page.plots { try write(plot.svg.utf8, to: "\(plots)/\(plot.name)") }
    let plotFolder = plots.split(separator: "/").last.map(String.init) ?? plots
    try write(page.markdown(plotFolder: plotFolder).utf8, to: path)
    report.conditions.append("Beside its peers: written to \(path)")
  }

  private mutating func addFigures(of contest: Contest) {
    let bare = zip(contest.entries, contest.findings).first { $0.0.contestant is Bare }?.1
    for (entry, findings) in zip(contest.entries, contest.findings) {
      for section in PeerSection.all(contest.sizes.agentCount) {
        for column in section.columns where !column.isCount {
          guard let value = findings.value(column.measure, column.quantile) else { continue }
          add(
            Figure(
              name: "\(entry.label): \(section.name), \(column.title)", unit: "", value: value,
              bare: bare?.value(column.measure, column.quantile)))
        }
      }
    }
  }
}
