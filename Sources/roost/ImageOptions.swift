import ArgumentParser

/// What commands are asked for that Roost can't do to images yet.
enum ImageOptions {
    private static let advice = "bring images in with roost load, or use the host's own programs with rootfs:/"

    /// Refuses what would need a registry.
    static func check(pull: String?) throws {
        switch pull {
        case nil, "missing", "never", "if_not_present", "policy": return
        case "always", "build": throw ValidationError("--pull \(pull ?? ""): images are not pulled yet; \(advice)")
        case let word?:
            throw ValidationError("--pull takes always, missing or never, not \"\(word)\"")
        }
    }
}
