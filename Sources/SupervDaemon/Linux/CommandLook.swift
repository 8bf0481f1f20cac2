import SupervSystem

extension LinuxKernel {
  package func fault(ofCommand command: [String], environment: [String]) -> CommandFault? {
    let program = command.first ?? ""
    let path = environment.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
    let folders = (path ?? environmentVariable("PATH") ?? "").split(
      separator: ":", omittingEmptySubsequences: false)
    let candidates =
      program.contains("/")
      ? [program] : folders.map { $0.isEmpty ? program : "\($0)/\(program)" }
    let found = candidates.lazy.compactMap { path in
      ((try? Files.status(of: path)) ?? nil).map { (path, $0) }
    }.first
    guard let (file, status) = found else { return .notFound(program) }
    if status.kind == .directory { return .isFolder(file) }
    if status.mode & 0o111 == 0 { return .notExecutable(file) }
    return (try? Files.check(.execute, of: file)) == nil ? .notPermitted(file) : nil
  }
}
