import YAMLComposer

extension ServiceDecoder {
    /// Reads when containers run, and how many.
    func readLifecycle(_ service: inout Service) {
        service.dependencies = fields.named("depends_on").map { name, fields in
            var dependency = Dependency(service: name)
            dependency.condition = fields.word("condition", Dependency.Condition.self) ?? .started
            dependency.isRequired = fields.flag("required") ?? true
            dependency.restarts = fields.flag("restart") ?? false
            return dependency
        }
        service.healthCheck = fields.fields("healthcheck").map(healthCheck)
        let deploy = fields.fields("deploy")
        service.restart = restartPolicy(deploy?.fields("restart_policy"))
        let counts = 0...100_000
        let deployed = deploy?.integer("replicas", in: counts)
        service.replicas = fields.integer("scale", in: counts) ?? deployed ?? 1
        service.deployMode = deploy?.word("mode", DeployMode.self) ?? .replicated
        service.update = deploy?.fields("update_config").map(updatePolicy)
        service.rollback = deploy?.fields("rollback_config").map(updatePolicy)
        if let logging = fields.fields("logging") {
            service.logging.driver = logging.text("driver").map { Logging.Driver(text: $0) }
            service.logging.options = logging.pairs("options")
        }
    }

    private func healthCheck(_ fields: Fields) -> HealthCheck {
        var check = HealthCheck()
        let words = fields.texts("test")
        switch words.first {
        case nil: check.test = .inherit
        case "NONE": check.test = .none
        case "CMD" where words.count > 1: check.test = .exec(Array(words.dropFirst()))
        case "CMD-SHELL" where words.count > 1:
            check.test = .shell(words[1])
            // Further words would be the shell's $0, $1 …, which nobody means.
            if words.count > 2 {
                let message = "\(fields.path).test: only the first word after CMD-SHELL is run"
                fields.diagnostics.warning(message, at: fields.node("test")?.mark)
            }
        case "CMD"?, "CMD-SHELL"?:
            fields.wrong("test", "has nothing to run", hint: "use CMD with a program, or CMD-SHELL with one line")
        default: fields.wrong("test", "starts with CMD, CMD-SHELL or NONE")
        }
        if fields.flag("disable") == true { check.test = .none }
        check.interval = fields.duration("interval")
        check.timeout = fields.duration("timeout")
        check.retries = fields.integer("retries", in: 0...Int.max).flatMap { $0 == 0 ? nil : $0 }
        check.startPeriod = fields.duration("start_period")
        check.startInterval = fields.duration("start_interval")
        return check
    }

    /// What `deploy` says comes first.
    private func restartPolicy(_ deployed: Fields?) -> RestartPolicy {
        let own = fields.value("restart", hint: "use no, always, unless-stopped, on-failure or on-failure:n") {
            RestartPolicy(text: $0)
        }
        guard let deployed else { return own ?? RestartPolicy() }
        let condition = deployed.value("condition", hint: "use none, on-failure or any") { text in
            switch text {
            case "none", "no": RestartPolicy.Condition.no
            case "on-failure": .onFailure
            case "any", "always": .always
            case "unless-stopped": .unlessStopped
            default: nil
            }
        }
        var policy = RestartPolicy(condition ?? .always)
        policy.maximumAttempts = deployed.integer("max_attempts", in: 0...65535).flatMap { $0 == 0 ? nil : $0 }
        policy.delay = deployed.duration("delay")
        policy.window = deployed.duration("window")
        return policy
    }

    private func updatePolicy(_ fields: Fields) -> UpdatePolicy {
        var policy = UpdatePolicy()
        policy.parallelism = fields.integer("parallelism", in: 0...Int.max) ?? 1
        policy.delay = fields.duration("delay") ?? .zero
        policy.monitor = fields.duration("monitor")
        policy.failureAction = fields.word("failure_action", UpdatePolicy.FailureAction.self) ?? .pause
        policy.maximumFailureRatio = fields.decimal("max_failure_ratio", atLeast: 0, atMost: 1) ?? 0
        policy.order = fields.word("order", UpdatePolicy.Order.self) ?? .stopFirst
        return policy
    }
}
