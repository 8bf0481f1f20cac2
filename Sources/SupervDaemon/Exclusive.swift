/// A value that an object keeps and changes in place, by one access at a time.
///
/// A stored property promises the same. But wherever the compiler cannot see all that happens
/// during an access, the runtime enters it in a list and looks through that list at each further
/// one, which took a tenth of what a call takes. Here a number beside the value is all there is to
/// it, and two accesses that overlap stop the program just so.
@safe package struct Exclusive<Value: ~Copyable>: ~Copyable {
  private struct Place: ~Copyable {
    var value: Value
    /// Accesses that go on and only read; -1 while one changes the value.
    var readers = 0
  }

  private let place: UnsafeMutablePointer<Place>

  package init(_ value: consuming Value) {
    unsafe place = .allocate(capacity: 1)
    unsafe place.initialize(to: Place(value: value))
  }

  deinit {
    unsafe place.deinitialize(count: 1)
    unsafe place.deallocate()
  }

  package var value: Value {
    @inline(__always) _read {
      precondition(unsafe place.pointee.readers >= 0, "read while it is changed")
      unsafe place.pointee.readers &+= 1
      defer { unsafe place.pointee.readers &-= 1 }
      yield unsafe place.pointee.value
    }
    @inline(__always) nonmutating _modify {
      precondition(unsafe place.pointee.readers == 0, "changed while it is in use")
      unsafe place.pointee.readers = -1
      defer { unsafe place.pointee.readers = 0 }
      yield unsafe &place.pointee.value
    }
  }
}
