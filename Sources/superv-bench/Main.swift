import CBench

@main
struct Main {
  static func main() {
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  private static func run(_ arguments: [String]) -> Int32 {
    do {
      guard let options = try Options(arguments) else {
        print(Options.help)
        return 0
      }
      cbench_catch_interrupts()
      let report = try Benchmark.run(options)
      print(report.table)
      if let path = options.jsonPath { try write(report.json.utf8, to: path) }
      return options.isStrict && report.misses > 0 ? 1 : 0
    } catch let error as BenchError {
      complain("superv-bench: \(error.message)")
      return error.isUsage ? 2 : 1
    } catch {
      complain("superv-bench: \(error)")
      return 1
    }
  }
}

/// What ends the benchmark before its time.
struct BenchError: Error, Equatable {
  static let interrupted = BenchError("interrupted")

  var message: String
  var isUsage = false

  init(_ message: String) { self.message = message }

  static func usage(_ message: String) -> BenchError {
    var error = BenchError(message + "\n" + Options.help)
    error.isUsage = true
    return error
  }
}
