import OCISpec

/// Which image of an index is for a platform: OCI Image Specification, "Image Index".
enum PlatformChoice {
    /// The best entry; nil when none is for the platform.
    static func best(of entries: [Descriptor], for platform: Platform) -> Descriptor? {
        let ranked = entries.compactMap { entry -> (rank: Int, entry: Descriptor)? in
            guard let theirs = entry.platform else { return nil }
            return rank(theirs, for: platform).map { ($0, entry) }
        }
        if let best = ranked.min(by: { $0.rank < $1.rank }) { return best.entry }
        // An index of one image that does not say what it is for.
        return entries.count == 1 && entries[0].platform == nil ? entries[0] : nil
    }

    /// How well one platform serves another: 0 is best, nil not at all.
    static func rank(_ theirs: Platform, for wanted: Platform) -> Int? {
        guard theirs.os == wanted.os, theirs.architecture == wanted.architecture else { return nil }
        let (have, need) = (variant(theirs), variant(wanted))
        if have == need { return 0 }
        // Without a variant an image is for the least of them, and a wish for any.
        guard let have else { return 1 }
        guard let need else { return 2 + have }
        // A processor runs programs for its forerunners; arm64 has but one.
        return have < need ? 1 + need - have : nil
    }

    /// The number of a variant: 7 of `v7`; nil without one.
    private static func variant(_ platform: Platform) -> Int? {
        guard let text = platform.variant, !text.isEmpty else { return platform.architecture == "arm64" ? 8 : nil }
        return Int(text.drop { $0 == "v" }.prefix { $0 != "." })
    }
}
