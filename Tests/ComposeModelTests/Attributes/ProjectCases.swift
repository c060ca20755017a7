/// Sections of a project.
let projectCases: [AttributeCase] = [
    .init(
        "include: [{path: inc.yaml, env_file: inc.env}]",
        shows: "inc:|image: t|networks:|default: null",
        refuses: "include: [missing.yaml]",
        because: "there is no file missing.yaml to include"
    ),
    .init(
        "name: shop",
        shows: "name: shop|name: shop_default",
        refuses: "name: 5",
        because: "name must be text, not a number"
    ),
    .init(
        "networks: {default: {driver: bridge, internal: true, ipam: {config: [{subnet: 10.1.0.0/16}]}}}",
        shows: "driver: bridge|internal: true|ipam:|config:|- subnet: \"10.1.0.0/16\"",
        refuses: "networks: {default: {subnet: 10.1.0.0/16}}",
        because: "there is no key \"subnet\" in networks.default"
    ),
    .init(
        "networks: {default: {external: true, name: outside}}",
        shows: "external: true|name: outside",
        refuses: "networks: {default: {external: {nam: a}}}",
        because: "there is no key \"nam\" in networks.default.external"
    ),
    .init(
        "volumes: {v: {driver: local, driver_opts: {o: size=1, type: tmpfs}, labels: [a=b]}}",
        shows: "volumes:|- target: v:/v|type: volume|volume: {}",
        refuses: "volumes: {v: {external: true, driver: local}}",
        because: "\"external\" and \"driver\" exclude each other",
        service: "volumes: [\"v:/v\"]"
    ),
    .init(
        "secrets: {s: {file: ./s.txt}}",
        shows: "secrets:|s:|file: /app/s.txt|name: app_s|secrets:|- source: s|target: /run/secrets/s",
        refuses: "secrets: {s: {file: a, environment: B}}",
        because: "file and environment exclude each other",
        service: "secrets: [s]"
    ),
    .init(
        "configs: {c: {content: hello}}",
        shows: "configs:|c:|content: hello|name: app_c|configs:|- mode: \"0440\"|source: c|target: /c",
        refuses: "configs: {c: {}}",
        because: "\"c\" under \"configs\" needs \"file\", \"environment\" or \"content\"",
        service: "configs: [{source: c, target: /c, mode: 0o440}]"
    ),
    .init(
        "models: {m: {model: ai/model, context_size: 1024}}",
        shows: "models:|m:|context_size: 1024|model: ai/model|models:|m: null",
        refuses: "models: {m: {context_size: 1024}}",
        because: "models.m needs \"model\"",
        service: "models: [m]"
    ),
]
