/// Attributes that refer to other services, files and resources.
let referenceCases: [AttributeCase] = [
    .init(
        "provider: {type: model, options: {model: a, n: [1, b]}}",
        shows: "provider:|options:|model:|- a|\"n\":|- \"1\"|- b|type: model",
        refuses: "provider: {options: {a: b}}",
        because: "services.web.provider needs \"type\""
    ),
    .init(
        "depends_on: {db: {condition: service_healthy, restart: true}}",
        shows: "depends_on:|db:|condition: service_healthy|required: true|restart: true",
        refuses: "depends_on: [bd]",
        because: "\"web\" depends on \"bd\", which is not there or not active"
    ),
    .init(
        "depends_on: [db]",
        shows: "depends_on:|db:|condition: service_started|required: true",
        refuses: "depends_on: {db: {condition: healthy}}",
        because:
            "services.web.depends_on.db.condition is one of service_started, service_healthy, service_completed_successfully, not \"healthy\""
    ),
    .init(
        "links: [\"db:database\"]",
        shows: "depends_on:|db:|condition: service_started|required: true|restart: true|links:|- db:database",
        refuses: "links: [bd]",
        because: "\"web\" depends on \"bd\", which is not there or not active"
    ),
    .init(
        "volumes_from: [\"db:ro\"]",
        shows: "depends_on:|db:|condition: service_started|required: true|volumes_from:|- db:ro",
        refuses: "volumes_from: [db, db]",
        because: "services.web.volumes_from names \"db\" twice"
    ),
    .init(
        "extends: {service: db}",
        shows: "hostname: h",
        refuses: "extends: {service: bd}",
        because: "there is no service \"bd\" to extend"
    ),
    .init(
        "env_file: [one.env, {path: none.env, required: false}]",
        shows: "environment:|ONE: \"1\"",
        refuses: "env_file: none.env",
        because: "there is no file none.env"
    ),
    .init(
        "label_file: one.env",
        shows: "labels:|ONE: \"1\"",
        refuses: "label_file: none.env",
        because: "there is no file none.env"
    ),
    .init(
        "profiles: [p]",
        shows: "profiles:|- p",
        refuses: "profiles: p",
        because: "services.web.profiles must be a list, not text"
    ),
    .init(
        "secrets: [s]",
        shows: "secrets:|s:|environment: S|name: app_s|secrets:|- source: s|target: /run/secrets/s",
        refuses: "secrets: [t]",
        because: "\"t\" is not defined under \"secrets\""
    ),
]
