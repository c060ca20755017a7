extension Schema {
    /// How an image is built.
    static let build = ObjectShape([
        "context": .emptyText, "dockerfile": .emptyText, "dockerfile_inline": .emptyText,
        "entitlements": .list(of: .text, by: .none),
        "args": .environment, "labels": .pairs, "cache_from": .list(of: .text, by: .none),
        "cache_to": .list(of: .text, by: .none),
        "no_cache": .flag, "no_cache_filter": .textOrTexts, "network": .text,
        "additional_contexts": .shorthand(.assignments, for: .map(of: .scalar(.pairValue(nullable: false)))),
        "ssh": .shorthand(.sshKeys, for: .map(of: .scalar(.pairValue(nullable: false)))),
        "provenance": .scalar(Scalar([.string, .boolean], .text)),
        "sbom": .scalar(Scalar([.string, .boolean], .text)), "pull": .flag, "target": .text, "shm_size": .wholeBytes,
        "extra_hosts": extraHosts, "isolation": .text, "privileged": .flag,
        "secrets": .list(of: fileReference, by: .none), "tags": .texts, "ulimits": buildLimits,
        "platforms": .list(of: .text, by: .none),
    ])

    /// What to do when files change.
    static let develop = ObjectShape(
        [
            "watch": .list(
                of: .object(
                    ObjectShape(
                        [
                            "ignore": uniqueListedTexts, "include": uniqueListedTexts, "path": .text, "target": .text,
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
    private static let uniqueListedTexts = Shape.shorthand(.single(isSpelledOut: true), for: .uniqueTexts)
    private static let watchCommand = ObjectShape(
        [
            "command": .command, "user": .text, "privileged": .flag, "working_dir": .text,
            "environment": .uniqueEnvironment,
        ],
        required: ["command"]
    )
}
