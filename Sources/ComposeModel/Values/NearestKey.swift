/// Finds the known word that someone probably meant.
package enum NearestKey {
    /// The candidate that takes the fewest edits from `word`, if few enough.
    package static func match(_ word: String, among candidates: some Sequence<String>) -> String? {
        guard word.utf8.count <= 100 else { return nil }
        let limit = max(1, word.count / 3)
        var best: (key: String, distance: Int)?
        // Words of very different length need as many edits at least.
        for candidate in candidates.filter({ abs($0.utf8.count - word.utf8.count) <= limit }).sorted() {
            let distance = distance(Array(word.lowercased().utf8), Array(candidate.utf8))
            if distance <= limit && distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.key
    }

    /// Edits between two words; swapping two neighbours counts as one.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard !left.isEmpty && !right.isEmpty else { return max(left.count, right.count) }
        var rows = Array(repeating: Array(repeating: 0, count: right.count + 1), count: left.count + 1)
        for i in 0...left.count { rows[i][0] = i }
        for j in 0...right.count { rows[0][j] = j }
        for i in 1...left.count {
            for j in 1...right.count {
                let change = left[i - 1] == right[j - 1] ? 0 : 1
                rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change)
                if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                    rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
                }
            }
        }
        return rows[left.count][right.count]
    }
}
