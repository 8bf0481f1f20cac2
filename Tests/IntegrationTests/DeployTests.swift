import SupervSystem
import Testing

/// What stands in examples/deploy is what it is for.
@Suite(.aside) struct DeployTests {
  /// With what is installed; nothing is fetched for it.
  @Test func everybodyTakesTheExamples() throws {
    try withSuperv(sleepers("unused")) { superv in
      let script = "\(repositoryFolder)/examples/deploy/validate"
      let path = Surroundings.variable("PATH") ?? ""
      let offline = "export VALIDATE_OFFLINE=1 PATH=\"$PATH:\(path)\"\n"
      let answer = try superv.check("\(offline)'\(script)' '\(Superv.executable)'")
      #expect(answer.output.contains("ok: superv takes supervisor.conf"))
      #expect(answer.output.contains("ok: superv takes the ConfigMap's"))
      for line in answer.lines where line.hasPrefix("not checked: ") {
        print("NOT TESTED: \(line)")
      }

      // And what is wrong is found.
      let bad = "\(superv.folder)/deploy"
      try superv.check("cp -r '\(repositoryFolder)/examples/deploy' '\(bad)'")
      try superv.check("echo 'command = two' >> '\(bad)/supervisor.conf'")
      try superv.check("\(offline)! '\(bad)/validate' '\(Superv.executable)'")
    }
  }
}
