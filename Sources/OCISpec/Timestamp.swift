/// Moments as the OCI specifications and logs write them, RFC 3339, in nanoseconds since 1970-01-01 00:00 UTC.
package enum Timestamp {
    private static let day: Int64 = 86_400_000_000_000

    /// RFC 3339 in UTC with nine digits of the second: `2026-11-21T20:15:00.000000000Z`.
    package static func text(nanoseconds: Int64) -> String {
        String(decoding: bytes(nanoseconds: nanoseconds), as: UTF8.self)
    }

    /// The bytes of `text`.
    package static func bytes(nanoseconds: Int64) -> [UInt8] {
        let (days, ofDay) = nanoseconds.quotientAndRemainderFlooring(by: day)
        let date = civil(days: Int(days))
        let (second, fraction) = ofDay.quotientAndRemainder(dividingBy: 1_000_000_000)
        var result: [UInt8] = []
        result.reserveCapacity(30)
        append(Int64(date.year), 4, "-", to: &result)
        append(Int64(date.month), 2, "-", to: &result)
        append(Int64(date.day), 2, "T", to: &result)
        append(second / 3600, 2, ":", to: &result)
        append(second / 60 % 60, 2, ":", to: &result)
        append(second % 60, 2, ".", to: &result)
        append(fraction, 9, "Z", to: &result)
        return result
    }

    /// Reads what `text` writes, and any moment of RFC 3339; nil when it is none.
    ///
    /// The clock, its seconds, their fraction and the zone (then UTC) may be missing. Moments that nanoseconds since 1970
    /// can't count (before 1678, after 2261) are none.
    package static func nanoseconds(of text: String) -> Int64? {
        var reader = Reader(rest: Array(text.utf8)[...])
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let date = reader.number(2), (1...12).contains(month), (1...31).contains(date)
        else { return nil }
        var time: Int64 = 0
        if !reader.rest.isEmpty {
            guard reader.skip("T") || reader.skip("t") || reader.skip(" "), let clock = reader.clock() else {
                return nil
            }
            time = clock
        }
        guard reader.rest.isEmpty, (1678...2261).contains(year) else { return nil }
        let days = days(year: Int(year), month: Int(month), day: Int(date))
        return days * day + time
    }

    /// Whether a moment of RFC 3339 says in which zone it is.
    package static func namesZone(_ text: String) -> Bool {
        guard let last = text.last else { return false }
        return last == "Z" || last == "z" || text.dropFirst(10).contains { $0 == "+" || $0 == "-" }
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// A number of exactly so many digits.
        mutating func number(_ digits: Int) -> Int64? {
            let text = rest.prefix(digits)
            guard text.count == digits, text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            rest = rest.dropFirst(digits)
            return text.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }

        /// The time of the day in UTC, in nanoseconds.
        mutating func clock() -> Int64? {
            guard let hour = number(2), skip(":"), let minute = number(2), hour < 24, minute < 60 else { return nil }
            var nanoseconds = (hour * 60 + minute) * 60_000_000_000
            if skip(":") {
                // 60 is a leap second.
                guard let second = number(2), second <= 60 else { return nil }
                nanoseconds += second * 1_000_000_000
                if skip(".") {
                    guard let fraction = fraction() else { return nil }
                    nanoseconds += fraction
                }
            }
            if rest.isEmpty || skip("Z") || skip("z") { return nanoseconds }
            let isWest = skip("-")
            guard isWest || skip("+"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24,
                minutes < 60
            else { return nil }
            let offset = (hours * 60 + minutes) * 60_000_000_000
            return nanoseconds + (isWest ? offset : -offset)
        }

        /// Digits after the point in nanoseconds; those after the ninth count for nothing.
        private mutating func fraction() -> Int64? {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty else { return nil }
            rest = rest.dropFirst(digits.count)
            let value = digits.prefix(9).reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
            return (digits.prefix(9).count..<9).reduce(value) { value, _ in value * 10 }
        }
    }

    private static func append(_ number: Int64, _ width: Int, _ end: Unicode.Scalar, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes += repeatElement(0x30, count: width)
        var rest = number
        for place in stride(from: start + width - 1, through: start, by: -1) {
            bytes[place] += UInt8(rest % 10)
            rest /= 10
        }
        bytes.append(UInt8(ascii: end))
    }

    /// The date that many days after 1970-01-01, counted in eras of 400 years that begin in March.
    private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = Int(Int64(shifted).quotientAndRemainderFlooring(by: 146_097).quotient)
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * ofYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * march + 2) / 5 + 1)
    }

    private static func days(year: Int, month: Int, day: Int) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = Int(Int64(year).quotientAndRemainderFlooring(by: 400).quotient)
        let ofEra = year - era * 400
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return Int64(era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468)
    }
}

extension Int64 {
    fileprivate func quotientAndRemainderFlooring(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
