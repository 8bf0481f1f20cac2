import SupervAgent
import SupervSystem

/// The Swift subject of the conformance script: an agent that does what it is told over
/// `CONFORMANCE_SOCKET`, until superv has it stop.
@main
struct Main {
  static func main() async throws {
    let agent = Agent()
    await registerHandlers(on: agent)
    try await agent.start()
    if let path = Surroundings.variable("CONFORMANCE_SOCKET") {
      let link = try CommandLink(to: path)
      let subject = Subject(agent, link)
      Task { await subject.obey() }
    }
    try await agent.run()
  }
}
