/// What was asked of files for clients of supervisord's servers, and what has been answered.
struct FileReadings {
  struct Question: Hashable {
    var path: String
    var part: FilePart
  }

  private enum State {
    case asked(FileReadID)
    case answered(FileRead)
  }

  private var states: [Question: State] = [:]
  private var nextNumber: UInt64 = 1

  /// The answer, once; nil while it is still to come.
  ///
  /// - Parameter ask: called where the question is new.
  mutating func take(_ question: Question, _ ask: (FileReadID) -> Void) -> FileRead? {
    switch states[question] {
    case .answered(let read):
      states[question] = nil
      return read
    case .asked: return nil
    case nil:
      let id = FileReadID(number: nextNumber)
      nextNumber += 1
      states[question] = .asked(id)
      ask(id)
      return nil
    }
  }

  mutating func answer(_ id: FileReadID, _ read: FileRead) {
    for (question, state) in states {
      if case .asked(id) = state { states[question] = .answered(read) }
    }
  }
}
