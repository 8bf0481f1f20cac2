import SupervProtocol

extension Daemon {
  func log(_ message: Message, in line: Span<UInt8>, of process: ProcessKey) throws(RPCError) {}
}
