package import Orchestrator

/// Moments as logs write them.
package enum Timestamp {
    /// RFC 3339 in UTC with nine digits of the second: `2026-11-21T20:15:00.000000000Z`.
    package static func text(_ time: WallTime) -> String {
        let (days, ofDay) = time.nanoseconds.quotientAndRemainderFlooring(by: 86_400_000_000_000)
        let date = civil(days: Int(days))
        let (second, fraction) = ofDay.quotientAndRemainder(dividingBy: 1_000_000_000)
        let clock = [second / 3600, second / 60 % 60, second % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(padded(Int64(date.year), 4))-\(padded(Int64(date.month), 2))-\(padded(Int64(date.day), 2))"
            + "T\(clock).\(padded(fraction, 9))Z"
    }

    /// Reads what `text` writes, and any RFC 3339 moment with a zone; nil when it is none.
    package static func moment(_ text: String) -> WallTime? {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), (1...12).contains(month)
        else { return nil }
        var nanoseconds = days(year: Int(year), month: Int(month), day: Int(day)) * 86_400_000_000_000
        if bytes.count == 10 { return WallTime(nanoseconds: nanoseconds) }
        guard let hour = number(11..<13), let minute = number(14..<16) else { return nil }
        var place = 16
        var second: Int64 = 0
        if place < bytes.count, bytes[place] == UInt8(ascii: ":") {
            guard let value = number(17..<19) else { return nil }
            (second, place) = (value, 19)
        }
        nanoseconds += ((hour * 60 + minute) * 60 + second) * 1_000_000_000
        if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
            let digits = bytes[(place + 1)...].prefix { (0x30...0x39).contains($0) }.prefix(9)
            guard !digits.isEmpty, let value = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
            nanoseconds += (digits.count..<9).reduce(value) { value, _ in value * 10 }
            place += 1 + bytes[(place + 1)...].prefix { (0x30...0x39).contains($0) }.count
        }
        guard place < bytes.count, bytes[place] != UInt8(ascii: "Z") else { return WallTime(nanoseconds: nanoseconds) }
        guard let hours = number(place + 1..<place + 3), let minutes = number(place + 4..<place + 6) else { return nil }
        let offset = (hours * 60 + minutes) * 60_000_000_000
        return WallTime(nanoseconds: nanoseconds + (bytes[place] == UInt8(ascii: "-") ? offset : -offset))
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
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
