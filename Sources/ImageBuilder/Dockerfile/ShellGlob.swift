/// A pattern of `${NAME#…}`, `${NAME%…}` and `${NAME/…/…}`: `*`, `?` and `\`.
///
/// Searches take time proportional to the value's length times the pattern's.
struct ShellGlob {
    private enum Element {
        case any
        case scalar(Unicode.Scalar)
    }

    /// Why a pattern means nothing.
    struct Malformed: Error { var message: String }

    /// What stands between the "*": a match starts with the first of these and ends with the last.
    private var runs: [[Element]] = [[]]

    init(_ pattern: [Unicode.Scalar]) throws(Malformed) {
        var index = 0
        while index < pattern.count {
            let scalar = pattern[index]
            index += 1
            switch scalar {
            case "*": runs.append([])
            case "?": runs[runs.count - 1].append(.any)
            case "\\":
                guard index < pattern.count else { throw Malformed(message: "nothing follows the last \\") }
                guard "*?\\}/".unicodeScalars.contains(pattern[index]) else {
                    throw Malformed(message: "\\\(pattern[index]) is no escape")
                }
                runs[runs.count - 1].append(.scalar(pattern[index]))
                index += 1
            default: runs[runs.count - 1].append(.scalar(scalar))
            }
        }
    }

    private init(runs: [[Element]]) { self.runs = runs }

    /// The pattern for texts that are read from their end.
    var reversed: ShellGlob { ShellGlob(runs: runs.reversed().map { $0.reversed() }) }

    /// How many elements there are, for bounds on the work.
    var count: Int { runs.reduce(runs.count) { $0 + $1.count } }

    /// Where the shortest or longest match ends that starts at `start`.
    func end(in value: [Unicode.Scalar], from start: Int = 0, isLongest: Bool) -> Int? {
        guard matches(runs[0], value, at: start) else { return nil }
        var end = start + runs[0].count
        guard runs.count > 1 else { return end }
        for run in runs[1..<(runs.count - 1)] {
            guard let place = first(run, value, from: end) else { return nil }
            end = place + run.count
        }
        let tail = runs[runs.count - 1]
        if !isLongest { return first(tail, value, from: end).map { $0 + tail.count } }
        var place = value.count - tail.count
        while place >= end {
            if matches(tail, value, at: place) { return place + tail.count }
            place -= 1
        }
        return nil
    }

    /// The first match at or after `start`, as long as it can be.
    func first(in value: [Unicode.Scalar], from start: Int) -> Range<Int>? {
        var place = start
        while let begin = first(runs[0], value, from: place) {
            if let end = end(in: value, from: begin, isLongest: true) { return begin..<end }
            // What does not follow from here on follows from no later place either.
            if runs.count > 1 { return nil }
            place = begin + 1
        }
        return nil
    }

    private func first(_ run: [Element], _ value: [Unicode.Scalar], from start: Int) -> Int? {
        var place = start
        while place + run.count <= value.count {
            if matches(run, value, at: place) { return place }
            place += 1
        }
        return nil
    }

    private func matches(_ run: [Element], _ value: [Unicode.Scalar], at place: Int) -> Bool {
        guard place + run.count <= value.count else { return false }
        for (index, element) in run.enumerated() {
            if case .scalar(let wanted) = element, value[place + index] != wanted { return false }
        }
        return true
    }
}
