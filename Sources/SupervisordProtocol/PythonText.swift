/// Text as Python shows it, where supervisord's formats ask for that.
enum PythonText {
  /// The text that the bytes are, or that they are none.
  static func decoded(_ bytes: [UInt8]) -> String {
    String(validating: bytes, as: UTF8.self) ?? "Undecodable: \(literal(bytes))"
  }

  /// As `repr` writes a byte string: `b'\xff'`.
  static func literal(_ bytes: [UInt8]) -> String {
    let quote = mark(
      hasApostrophe: bytes.contains(UInt8(ascii: "'")), hasQuote: bytes.contains(0x22))
    var text = "b\(quote)"
    for byte in bytes {
      let scalar = Unicode.Scalar(byte)
      text += escape(scalar, in: quote) ?? (byte < 0x7F ? String(scalar) : hexadecimal(byte))
    }
    return text + String(quote)
  }

  /// As `repr` writes a string: `'cat'`.
  static func literal(_ string: String) -> String {
    let scalars = string.unicodeScalars
    let quote = mark(hasApostrophe: scalars.contains("'"), hasQuote: scalars.contains("\""))
    var text = String(quote)
    for scalar in scalars {
      text += escape(scalar, in: quote) ?? (isPrintable(scalar) ? String(scalar) : coded(scalar))
    }
    return text + String(quote)
  }

  private static func mark(hasApostrophe: Bool, hasQuote: Bool) -> Unicode.Scalar {
    hasApostrophe && !hasQuote ? "\"" : "'"
  }

  private static func escape(_ scalar: Unicode.Scalar, in quote: Unicode.Scalar) -> String? {
    switch scalar {
    case quote, "\\": "\\\(scalar)"
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    case "\0"..<" ": hexadecimal(UInt8(scalar.value))
    default: nil
    }
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }

  private static func coded(_ scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case ..<0x100: hexadecimal(UInt8(scalar.value))
    case ..<0x1_0000: "\\u" + padded(scalar.value, 4)
    default: "\\U" + padded(scalar.value, 8)
    }
  }

  private static func hexadecimal(_ byte: UInt8) -> String { "\\x" + padded(UInt32(byte), 2) }

  private static func padded(_ value: UInt32, _ width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
