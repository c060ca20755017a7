extension Schema {
    /// A whole Compose file.
    static let project = ObjectShape([
        "version": .text, "name": .text, "include": .list(of: include, by: .none),
        "services": .map(of: .object(service)), "models": .map(of: .object(model)),
        "networks": .map(of: .object(network)), "volumes": .map(of: .object(volume)),
        "secrets": .map(of: .object(secret)), "configs": .map(of: .object(config)),
    ])

    /// Another project that is taken in.
    static let include = Shape.shorthand(
        .attribute("path"),
        for: .object(
            ObjectShape(
                ["path": .textOrTexts, "env_file": .textOrTexts, "project_directory": .wholeText],
                extensible: false,
                isLenient: true
            )
        )
    )

    private static let external = Shape.shorthand(.external, for: .object(ObjectShape(["name": .text])))
    /// Of a secret or config, Compose does not look at keys here that it does not know.
    private static let externalObject = Shape.shorthand(
        .external,
        for: .object(ObjectShape(["name": .text], isLenient: true))
    )

    private static let model = ObjectShape(
        [
            "name": .text, "model": .text, "context_size": .scalar(Scalar([.integer], .integer)),
            "runtime_flags": .list(of: .text, by: .none),
        ],
        required: ["model"]
    )

    private static let network = ObjectShape(
        [
            "name": .emptyText, "driver": .text, "driver_opts": .options, "external": external, "internal": .flag,
            "enable_ipv4": .keptFlag, "enable_ipv6": .keptFlag, "attachable": .flag, "labels": .pairs,
            "ipam": .object(
                ObjectShape([
                    "driver": .text, "options": .map(of: .text),
                    "config": .list(
                        of: .object(
                            ObjectShape([
                                "subnet": .text, "ip_range": .text, "gateway": .text, "aux_addresses": .map(of: .text),
                            ])
                        ),
                        by: .subnet
                    ),
                ])
            ),
        ],
        nullable: true
    )

    private static let volume = ObjectShape(
        ["name": .emptyText, "driver": .text, "driver_opts": .options, "external": external, "labels": .uniquePairs],
        nullable: true
    )

    private static let secret = ObjectShape([
        "name": .emptyText, "environment": .emptyText, "file": .text, "external": externalObject,
        "labels": .uniquePairs, "driver": .text, "driver_opts": .map(of: .wholeText), "template_driver": .text,
    ])

    private static let config = ObjectShape([
        "name": .emptyText, "content": .emptyText, "environment": .emptyText, "file": .text,
        "external": externalObject, "labels": .uniquePairs, "template_driver": .text,
    ])
}
