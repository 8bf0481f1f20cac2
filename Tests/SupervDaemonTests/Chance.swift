import SupervisionTree

func chance(_ probability: Double, _ random: inout Jitter) -> Bool {
  Double.random(in: 0..<1, using: &random) < probability
}

/// - Precondition: there is one to pick.
func pick<Element>(_ choices: [Element], _ random: inout Jitter) -> Element {
  choices[Int.random(in: 0..<choices.count, using: &random)]
}
