// swift-tools-version: 6.2
import PackageDescription

let strictSwift: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
let strictC: [CSetting] = [
  .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
]

// A plain `swift build -c release` links one static executable. Both halves are needed: the
// compiler flag picks the static autolink entries, the linker flag makes the executable static. The
// modules that agents import go without, so that their programs are linked as they like; for the
// static executable it is enough that one module which imports FoundationEssentials has it. Debug
// builds and tests stay dynamic. The toolchain's lld, because the default linker warns of a
// dlopen(3) in the Swift runtime itself, which nothing here reaches.
let staticSwift: [SwiftSetting] =
  strictSwift + [.unsafeFlags(["-static-stdlib"], .when(configuration: .release))]
let staticLink: [LinkerSetting] = [
  .unsafeFlags(
    ["-static-executable", "-use-ld=lld", "-Xlinker", "-s"], .when(configuration: .release))
]

func module(
  _ name: String, imports dependencies: [Target.Dependency] = [],
  settings: [SwiftSetting] = staticSwift
) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func program(
  _ name: String, imports dependencies: [Target.Dependency], embeds resources: [Resource] = []
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: staticSwift,
    linkerSettings: staticLink)
}

func tests(
  _ name: String, of dependencies: [Target.Dependency], data: [String] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: data, swiftSettings: strictSwift)
}

// A module imports only modules above it; TidyTests holds every file to this table.
let package = Package(
  name: "superv",
  products: [
    .executable(name: "superv", targets: ["superv"]),
    .library(name: "SupervAgent", targets: ["SupervAgent"]),
  ],
  targets: [
    .target(name: "CSuperv", cSettings: strictC),
    .target(name: "CSupervEntry", cSettings: strictC),
    module("SupervisionTree"),
    module("SupervProtocol", settings: strictSwift),
    module("SupervisordProtocol"),
    module("SupervConfig", imports: ["SupervisionTree"]),
    module("SupervSystem", imports: ["CSuperv"], settings: strictSwift),
    module(
      "SupervDaemon",
      imports: [
        "SupervisionTree", "SupervProtocol", "SupervisordProtocol", "SupervConfig", "SupervSystem",
      ]),
    module("SupervChaos", imports: ["SupervProtocol", "SupervConfig"]),
    module("SupervKeeper", imports: ["SupervSystem"]),
    module("SupervLogger", imports: ["SupervSystem"]),
    module(
      "SupervAgent", imports: ["SupervProtocol", "SupervSystem"], settings: strictSwift),
    module(
      "SupervCommands",
      imports: [
        "SupervisionTree", "SupervProtocol", "SupervConfig", "SupervSystem", "SupervDaemon",
        "SupervChaos", "SupervKeeper", "SupervLogger",
      ]),
    program("superv", imports: ["CSupervEntry", "SupervCommands"]),

    // What the tests of the child protocol drive to see how the SDK keeps to it.
    program("superv-conformance-subject", imports: ["SupervAgent", "SupervSystem"]),

    // The benchmark, and the same work done with bare system calls.
    .target(name: "CBench", cSettings: strictC, linkerSettings: [.linkedLibrary("m")]),
    module("BenchPage"),
    program(
      "superv-bench", imports: ["CBench", "BenchPage"],
      embeds: [
        .embedInCode("Peers/agents.erl"), .embedInCode("Peers/calls.erl"),
        .embedInCode("Peers/calls.cpp"),
      ]),
    .executableTarget(
      name: "superv-bench-bare", dependencies: ["CBench"], cSettings: strictC,
      linkerSettings: staticLink + [
        // Without it the Swift runtime is linked into a program that has no Swift.
        .unsafeFlags(["-nostartfiles"], .when(configuration: .release))
      ]),

    tests("TidyTests", of: []),
    tests("SupervisionTreeTests", of: ["SupervisionTree"], data: ["Deviations"]),
    tests("SupervProtocolTests", of: ["SupervProtocol"]),
    tests("SupervisordProtocolTests", of: ["SupervisordProtocol"]),
    tests("SupervConfigTests", of: ["SupervConfig", "SupervisionTree"], data: ["Broken"]),
    tests("SupervSystemTests", of: ["SupervSystem"]),
    tests("BenchPageTests", of: ["BenchPage"]),
    tests("SupervAgentTests", of: ["SupervAgent", "SupervProtocol", "SupervSystem"]),
    tests("SupervChaosTests", of: ["SupervChaos", "SupervConfig", "SupervProtocol"]),
    tests("SupervLoggerTests", of: ["SupervLogger", "SupervSystem"]),
    tests(
      "SupervDaemonTests",
      of: [
        "SupervDaemon", "SupervisionTree", "SupervProtocol", "SupervisordProtocol",
        "SupervConfig", "SupervSystem", "superv",
      ]),
    tests(
      "SimulationTests",
      of: [
        "SupervDaemon", "SupervKeeper", "SupervisionTree", "SupervProtocol", "SupervConfig",
        "SupervSystem",
      ]),
    tests(
      "SupervCommandsTests",
      of: ["SupervCommands", "SupervConfig", "SupervProtocol", "SupervSystem"]),
    tests("IntegrationTests", of: ["SupervSystem", "SupervProtocol", "SupervisionTree", "superv"]),
  ],
  cLanguageStandard: .gnu17
)
