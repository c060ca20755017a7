import YAMLComposer

extension Schema {
    /// How many containers run, and with what.
    static let deploy = ObjectShape(
        [
            "mode": .text, "endpoint_mode": .text, "replicas": .keptInteger, "labels": .pairs,
            "rollback_config": .object(change), "update_config": .object(change), "resources": .object(resources),
            "restart_policy": .object(
                ObjectShape([
                    "condition": .text, "delay": .duration, "max_attempts": .integer(0...Int.max, keepsZero: true),
                    "window": .duration,
                ])
            ),
            "placement": .object(
                ObjectShape([
                    "constraints": .list(of: .text, by: .none), "max_replicas_per_node": .integer(0...Int.max),
                    "preferences": .list(of: .object(ObjectShape(["spread": .text])), by: .none),
                ])
            ),
        ],
        nullable: true
    )

    private static let change = ObjectShape([
        "parallelism": .integer(0...Int.max, keepsZero: true), "delay": .pause, "failure_action": .text,
        "monitor": .pause,
        "max_failure_ratio": .decimal, "order": .word("start-first", "stop-first"),
    ])

    private static let resources = ObjectShape([
        "limits": .object(ObjectShape(["cpus": .decimal, "memory": .byteText, "pids": .integer])),
        "reservations": .object(
            ObjectShape([
                "cpus": .decimal, "memory": .byteText,
                "generic_resources": .list(of: .object(genericResource), by: .none),
                "devices": .list(of: .object(reservedDevice), by: .none),
            ])
        ),
    ])

    private static let genericResource = ObjectShape([
        "discrete_resource_spec": .object(
            ObjectShape(["kind": .text, "value": .number], implied: ["kind": .string(""), "value": .int(0)])
        )
    ])
    private static let reservedDevice = ObjectShape(deviceRequest.attributes, required: ["capabilities"])
}
