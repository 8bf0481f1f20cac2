import SupervSystem

extension SystemConfigurationSource {
  package func canonicalPath(_ path: String) -> String? { try? Files.realPath(path) }
}
