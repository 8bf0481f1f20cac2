import SupervConfig
import Testing

@Suite struct EnvironmentFileTests {
  func parse(_ text: String) -> EnvironmentFile {
    parseEnvironmentFile(Array(text.utf8), path: "a.env")
  }

  @Test(arguments: [
    ("A=1", ["A=1"]),
    ("# comment\n\n  A = 1\nexport B=2\n\texport\tC=3", ["B=2", "C=3"]),
    ("A=one two   # comment\nB=a#b\nC=#none", ["A=one two", "B=a#b", "C="]),
    (#"A="a \"b\" \\ \$HOME \n\t" # c"#, ["A=a \"b\" \\ $HOME \n\\t"]),
    (#"A='$HOME "x" \n'"#, [#"A=$HOME "x" \n"#]),
    ("A=\r\nB=\"\"\rC=''", ["A=", "B=", "C="]),
    ("\u{FEFF}A=1\nB=2\nA=3\n", ["A=3", "B=2"]),
    ("export=1\nexported=2", ["export=1", "exported=2"]),
    ("", []),
  ])
  func reads(text: String, expected: [String]) {
    #expect(parse(text).variables.map { "\($0.name)=\($0.value)" } == expected)
  }

  @Test func saysWhatIsWrongAndReadsTheRest() {
    var bytes = Array(
      "A=1\nno equals\n  2B=1\nC =1\nSUPERV_X=1\nD=\"open\nE='x' y\nF=2\nG=".utf8)
    bytes += [0xFF, 0x0A, 0x48, 0x3D, 0x00]
    let file = parseEnvironmentFile(bytes, path: "a.env")
    #expect(file.variables.map(\.name) == ["A", "F"])
    let name = "error: what is before the `=` is no name for a variable"
    let nameHint = "\n  hint: letters, digits and `_`, and no space before the `=`"
    #expect(
      file.diagnostics.map(\.description) == [
        "a.env:2:1: error: this line has no `=`\n  hint: write NAME=value",
        "a.env:3:3: \(name)\(nameHint)",
        "a.env:4:1: \(name)\(nameHint)",
        "a.env:5:1: error: SUPERV_X is set by superv itself\n  hint: choose another name",
        "a.env:6:3: error: this quotation mark has no partner\n  hint: a value ends on its line",
        "a.env:7:7: error: text after the closing quotation mark",
        "a.env:9:3: error: this is not UTF-8",
        "a.env:10:3: error: a NUL byte",
      ])
  }

  @Test func keepsSecretsOutOfDiagnostics() {
    let diagnostics = parse("TOKEN \"s3cret\nKEY=\"s3cret").diagnostics
    #expect(diagnostics.count == 2)
    for diagnostic in diagnostics {
      #expect(!diagnostic.rendered(color: false).contains("s3cret"))
    }
  }
}
