/// A point in time as a calendar and a clock show it.
struct CivilTime: Hashable {
  var year: Int
  /// From 1.
  var month: Int
  var day: Int
  /// From 0, Sunday.
  var weekday: Int
  var secondOfDay: Int

  /// In UTC, or in another zone when its offset has been added.
  init(unixSeconds: Int) {
    let days = unixSeconds.floorDivided(by: 86_400)
    secondOfDay = unixSeconds - days * 86_400
    weekday = (days + 4) - (days + 4).floorDivided(by: 7) * 7
    // Counted in eras of 400 years that begin in March, so that a leap day ends its year.
    let shifted = days + 719_468
    let era = shifted.floorDivided(by: 146_097)
    let ofEra = shifted - era * 146_097
    let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let fromMarch = (5 * ofYear + 2) / 153
    day = ofYear - (153 * fromMarch + 2) / 5 + 1
    month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// `Sat, 21 Nov 2026 20:14:07 GMT` (RFC 9110, section 5.6.7).
  var httpDate: String {
    let clock = "\(padded(hour)):\(padded(minute)):\(padded(secondOfDay % 60))"
    return
      "\(Self.weekdays[weekday]), \(padded(day)) \(Self.months[month - 1]) \(year) \(clock) GMT"
  }

  /// `Nov 21 08:14 PM`, the way supervisord says when a process ended.
  var shortText: String {
    let hourOfHalf = hour % 12 == 0 ? 12 : hour % 12
    let half = hour < 12 ? "AM" : "PM"
    return
      "\(Self.months[month - 1]) \(padded(day)) \(padded(hourOfHalf)):\(padded(minute)) \(half)"
  }

  private var hour: Int { secondOfDay / 3600 }
  private var minute: Int { secondOfDay / 60 % 60 }

  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
}

/// `0:00:05`, `1:02:03` or `2 days, 0:00:05` as Python's `timedelta` writes them.
func uptimeText(seconds: Int) -> String {
  let days = seconds / 86_400
  let clock = "\(seconds / 3600 % 24):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
  return days == 0 ? clock : "\(days) \(days == 1 ? "day" : "days"), \(clock)"
}

private func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }

extension Int {
  fileprivate func floorDivided(by divisor: Int) -> Int {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
