import CBench

/// The path a symbolic link names, such as /proc/PID/exe; nil when it cannot be read.
func linkTarget(_ path: String) -> String? {
  unsafe pathResult { unsafe cbench_link_target(path, $0) }
}

/// The path without symbolic links, as the kernel names it; nil when there is no such file.
func realPath(_ path: String) -> String? {
  unsafe pathResult { unsafe cbench_real_path(path, $0) }
}

private func pathResult(_ call: (UnsafeMutablePointer<CChar>) -> Int32) -> String? {
  unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { path in
    guard let base = path.baseAddress, unsafe call(base) == 0 else { return nil }
    return unsafe String(cString: base)
  }
}

func makeFolder(_ path: String) throws(BenchError) {
  if unsafe cbench_make_folder(path) != 0 { throw BenchError("cannot create \(path)") }
}

func write(_ bytes: some Collection<UInt8>, to path: String) throws(BenchError) {
  let bytes = Array(bytes)
  if unsafe cbench_write(path, bytes, bytes.count) != 0 {
    throw BenchError("cannot write \(path)")
  }
}

/// The names in a folder, in no order; empty when it cannot be read.
func names(in folder: String) -> [String] {
  final class List { var names: [String] = [] }
  let list = List()
  _ = unsafe cbench_each_name(folder, Unmanaged.passUnretained(list).toOpaque()) { context, name in
    guard let context = unsafe context else { return }
    unsafe Unmanaged<List>.fromOpaque(context).takeUnretainedValue()
      .names.append(String(cString: name))
  }
  return list.names
}

/// The text of a file, such as one in /proc; nil when it cannot be read.
func text(of path: String) -> String? {
  let capacity = 64 * 1024
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { bytes in
    guard let base = bytes.baseAddress else { return nil }
    let count = unsafe cbench_read(path, base, capacity)
    guard count >= 0 else { return nil }
    return unsafe String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
  }
}

/// The size of a file and when it changed, on the wall clock; nil when there is none.
func fileState(_ path: String) -> (size: Int64, modified: Nanoseconds)? {
  var size: Int64 = 0
  var modified: Int64 = 0
  guard unsafe cbench_file_state(path, &size, &modified) == 0 else { return nil }
  return (size, modified)
}

/// Waits until a program of ours listens there.
func waitForSocket(_ path: String) throws(BenchError) {
  let limit = now() + 5_000_000_000
  while realPath(path) == nil {
    if now() > limit { throw BenchError("nobody listens at \(path)") }
    try pause(milliseconds: 2)
  }
  // Its file appears with bind(2); one more moment until listen(2).
  try pause(milliseconds: 20)
}
