extension Schema {
    /// How an image is built.
    static let build = ObjectShape([
        "context": .text, "dockerfile": .text, "dockerfile_inline": .text, "entitlements": .texts,
        "args": .environment, "ssh": .pairs, "labels": .pairs, "cache_from": .list(of: .text, by: .none),
        "cache_to": .list(of: .text, by: .none),
        "no_cache": .flag, "no_cache_filter": .textOrTexts, "additional_contexts": .pairs, "network": .text,
        "provenance": .scalar(Scalar([.string, .boolean], .text)),
        "sbom": .scalar(Scalar([.string, .boolean], .text)), "pull": .flag, "target": .text, "shm_size": .wholeBytes,
        "extra_hosts": extraHosts, "isolation": .text, "privileged": .flag,
        "secrets": .list(of: fileReference, by: .fileReference(directory: "")), "tags": .texts, "ulimits": ulimits,
        "platforms": .texts,
    ])

    /// What to do when files change.
    static let develop = ObjectShape(
        [
            "watch": .list(
                of: .object(
                    ObjectShape(
                        [
                            "ignore": .textOrTexts, "include": .textOrTexts, "path": .text, "target": .text,
                            "action": .word("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
                            "exec": .object(watchCommand), "initial_sync": .scalar(Scalar([.boolean], .boolean)),
                        ],
                        required: ["path", "action"]
                    )
                ),
                by: .none
            )
        ],
        nullable: true
    )
    private static let watchCommand = ObjectShape(
        [
            "command": .command, "user": .text, "privileged": .flag, "working_dir": .text,
            "environment": .environment,
        ],
        required: ["command"]
    )
}
