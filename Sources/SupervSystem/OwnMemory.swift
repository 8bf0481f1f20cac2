import CSuperv

/// The memory of this process.
package enum OwnMemory {
  /// Gives back what was needed for a short while and is not any more (malloc_trim(3)): malloc
  /// keeps it otherwise. Takes a millisecond or more, so not when somebody waits.
  ///
  /// - Parameter includingProgram: also the program's own pages, of which a start needs more than
  ///   what follows it; they are read from the page cache again where they are (madvise(2)).
  package static func giveBack(includingProgram: Bool = false) {
    csv_give_memory_back(includingProgram ? 1 : 0)
  }
}
