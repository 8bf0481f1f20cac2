// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "ticker",
  // Elsewhere: .package(url: …, branch: …) of superv's repository. SwiftPM takes its compiler flags
  // from a folder or a branch, and not from a version.
  dependencies: [.package(name: "superv", path: "../..")],
  targets: [
    .executableTarget(
      name: "ticker", dependencies: [.product(name: "SupervAgent", package: "superv")])
  ]
)
