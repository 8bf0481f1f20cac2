import BenchPage
import Testing

@Suite struct BenchPageTests {
  @Test(arguments: [
    (0.5, 2), (0.95, 4), (1.0, 4), (0.0, 1), (0.26, 2), (0.25, 1),
  ])
  func aQuantileIsTheNearestRank(fraction: Double, expected: Int) {
    #expect([3, 1, 4, 2].quantile(fraction) == expected)
    #expect([Int]().quantile(fraction) == nil)
  }

  @Test(arguments: [
    (0, "0"), (0.1234, "0.123"), (1.236, "1.24"), (12.34, "12.3"), (123.4, "123"),
    (999.6, "1000"), (12345.6, "12,346"), (1_234_567, "1,234,567"), (-4321, "-4,321"),
  ])
  func threeDigitsCount(number: Double, expected: String) {
    #expect(number.short == expected)
  }

  @Test func aTableKeepsItsColumnsWhateverIsInThem() {
    var table = MarkdownTable(["what", "ms"])
    table.add(["a|b", "1"])
    #expect(table.markdown == "| what | ms |\n| --- | ---: |\n| a\\|b | 1 |\n")
    #expect(MarkdownTable(["a", "b"], isText: true).markdown == "| a | b |\n| --- | --- |\n")
  }

  private func widths(isLogarithmic: Bool, _ values: [Double]) -> [Int] {
    let svg = BarPlot(
      title: "<a> & b", isLogarithmic: isLogarithmic,
      bars: values.map { .init(label: "x", value: $0, text: "", color: .others) }
    ).svg
    #expect(svg.contains("&lt;a&gt; &amp; b"))
    return svg.split(separator: "\n").filter { $0.contains("height=\"14\"") }.compactMap { line in
      line.split(separator: " width=\"").last?.split(separator: "\"").first.flatMap { Int($0) }
    }
  }

  @Test func barsAreAsLongAsTheirValues() {
    #expect(widths(isLogarithmic: false, [440, 220, 0, 110]) == [440, 220, 0, 110])
  }

  @Test func aLogarithmicPlotHasOneStepForEachDoubling() {
    // Of 11 steps from half the least value to the greatest, which is 1,024 times the least.
    #expect(widths(isLogarithmic: true, [1024, 1, 2, 32]) == [440, 40, 80, 240])
  }

  @Test func anEmptyPlotIsAnImageToo() {
    #expect(widths(isLogarithmic: true, []).isEmpty)
  }
}
