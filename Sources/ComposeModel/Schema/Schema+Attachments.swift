import YAMLComposer

extension Schema {
    /// A reference to a secret or config.
    static let fileReference = Shape.shorthand(
        .attribute("source"),
        for: .object(
            ObjectShape(["source": .text, "target": .emptyText, "uid": .text, "gid": .text, "mode": .mode])
        )
    )

    /// A published port.
    static let port = ObjectShape(
        [
            "name": .text, "mode": .emptyText, "host_ip": .text, "target": .integer(0...Int(UInt32.max)),
            "published": .scalar(Scalar([.string, .integer], .text)), "protocol": .emptyText, "app_protocol": .text,
        ],
        required: ["target"]
    )

    /// A mount of a service.
    static let mount = ObjectShape(
        [
            "type": .word("bind", "volume", "tmpfs", "cluster", "npipe", "image"), "source": .text, "target": .text,
            "read_only": .flag, "consistency": .text,
            "bind": .object(
                ObjectShape([
                    "propagation": .text, "create_host_path": .flag,
                    "recursive": .word("enabled", "disabled", "writable", "readonly"), "selinux": .word("z", "Z"),
                ])
            ),
            "volume": .object(ObjectShape(["labels": .uniquePairs, "nocopy": .flag, "subpath": .text])),
            "tmpfs": .object(
                ObjectShape([
                    "size": .scalar(Scalar([.integer, .string], .bytes, bounds: 0...Int.max)),
                    "mode": .scalar(Scalar([.number], .integer, showsZero: true, bounds: 0...Int(UInt32.max))),
                ])
            ),
            "image": .object(ObjectShape(["subpath": .text])),
        ],
        required: ["type"]
    )

    /// A device node.
    static let device = ObjectShape(
        ["source": .text, "target": .text, "permissions": .text],
        required: ["source", "target"]
    )

    /// How a service takes part in a network.
    static let attachment = ObjectShape(
        [
            "aliases": .texts, "interface_name": .text, "ipv4_address": .text, "ipv6_address": .text,
            "link_local_ips": .texts, "mac_address": .text, "driver_opts": .options,
            "priority": .scalar(Scalar([.number], .integer)), "gw_priority": .scalar(Scalar([.number], .integer)),
        ],
        nullable: true
    )

    /// Additions to the container's hosts file.
    static let extraHosts = Shape.shorthand(.hosts, for: .list(of: .text, by: .none))

    /// Resource limits of processes.
    static let ulimits = limits(takesText: true)
    /// The same of those that build an image, which Compose takes as numbers only.
    static let buildLimits = limits(takesText: false)

    private static func limits(takesText: Bool) -> Shape {
        let number = Shape.scalar(
            Scalar([.integer, .string], takesText ? .integer : .literalInteger, showsZero: true)
        )
        let pair = ObjectShape(["hard": number, "soft": number], required: ["hard", "soft"])
        return .map(of: .shorthand(.limit(takesText: takesText), for: .object(pair)))
    }

    /// Limits of block devices.
    static let blockIO = ObjectShape(
        [
            "device_read_bps": rates, "device_read_iops": rates, "device_write_bps": rates,
            "device_write_iops": rates, "weight": weight,
            "weight_device": .list(
                of: .object(
                    ObjectShape(
                        ["path": .text, "weight": weight],
                        extensible: false,
                        implied: ["path": .string(""), "weight": .int(0)]
                    )
                ),
                by: .none
            ),
        ],
        extensible: false
    )
    private static let weight = Shape.scalar(Scalar([.integer, .string], .literalInteger, bounds: 0...65535))
    private static let rates = Shape.list(
        of: .object(
            ObjectShape(
                ["path": .text, "rate": .wholeBytes],
                extensible: false,
                implied: ["path": .string(""), "rate": .string("0")]
            )
        ),
        by: .none
    )

    /// A demand for graphics cards; Compose does not look at keys it does not know here.
    static let gpuRequest = ObjectShape(deviceRequest.attributes, isLenient: true)

    /// A demand for devices of a kind.
    static let deviceRequest = ObjectShape([
        "capabilities": .uniqueTexts, "count": .scalar(Scalar([.string, .integer], .count, showsZero: true)),
        "device_ids": .uniqueTexts,
        "driver": .text, "options": .uniquePairs,
    ])
}
