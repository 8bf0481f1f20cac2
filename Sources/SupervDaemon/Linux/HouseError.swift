/// Why a daemon cannot live where its configuration says, for people.
package struct HouseError: Error, CustomStringConvertible {
  package var description: String

  init(_ description: String) { self.description = description }
}
