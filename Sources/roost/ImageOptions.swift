import ArgumentParser

/// What commands are asked for that Roost can't do to images yet.
enum ImageOptions {
    /// Refuses what would need a build.
    static func check(build: Bool) throws {
        guard build else { return }
        throw ValidationError(
            "--build: images are not built yet; pull them, bring them in with roost load, "
                + "or use the host's own programs with rootfs:/"
        )
    }
}
