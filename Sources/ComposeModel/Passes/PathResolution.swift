import YAMLComposer

/// Makes the host paths of a project absolute.
struct PathResolution {
    /// The directory that relative paths start from.
    let directory: String
    /// The home directory that `~` stands for.
    let home: String?

    /// The project with absolute host paths.
    func apply(_ project: YAMLNode) -> YAMLNode {
        var project = project
        project.edit("services") { services in services.editEntries { $1 = service($1) } }
        for kind in ["configs", "secrets"] {
            project.edit(kind) { resources in
                resources.editEntries { _, resource in resource.edit("file", resolve) }
            }
        }
        project.edit("volumes") { volumes in
            volumes.editEntries { _, volume in
                let options = volume["driver_opts"]
                let local = volume["driver"]?.string.map { $0 == "local" || $0.isEmpty } ?? true
                guard local, options?["o"]?.string?.split(separator: ",").contains("bind") == true else { return }
                volume.edit("driver_opts") { $0.edit("device", resolve) }
            }
        }
        return project
    }

    /// A service with absolute host paths.
    func service(_ service: YAMLNode) -> YAMLNode {
        var service = service
        service.edit("build") { build in
            build.edit("context", resolveContext)
            build.edit("additional_contexts") { contexts in contexts.editEntries { resolveContext(&$1) } }
            build.edit("ssh") { keys in
                keys.editEntries { _, key in if key.string?.isEmpty == false { resolve(&key) } }
            }
        }
        service.edit("env_file") { files in files.editElements { $0.edit("path", resolve) } }
        service.edit("label_file") { files in files.editElements(resolve) }
        service.edit("extends") { $0.edit("file", resolve) }
        service.edit("develop") { develop in
            develop.edit("watch") { rules in rules.editElements { $0.edit("path", resolve) } }
        }
        service.edit("volumes") { mounts in
            mounts.editElements { mount in
                if mount["type"]?.string == "bind" { mount.edit("source", resolve) }
            }
        }
        return service
    }

    private func resolve(_ node: inout YAMLNode) {
        guard let path = node.string else { return }
        node.content = .string(absolute(path))
    }

    /// A build context may also be an address, which stays; so does one that is empty.
    private func resolveContext(_ node: inout YAMLNode) {
        guard let path = node.string, !Self.isAddress(path), !path.isEmpty else { return }
        node.content = .string(absolute(path))
    }

    private func absolute(_ path: String) -> String {
        if path.hasPrefix("~"), let home { return FilePath.cleaned(home + "/" + path.dropFirst()) }
        let isWindowsPath =
            path.dropFirst().hasPrefix(":\\") || path.dropFirst().hasPrefix(":/") || path.hasPrefix("\\\\")
        return path.hasPrefix("/") || isWindowsPath ? path : FilePath.absolute(path, in: directory)
    }

    private static func isAddress(_ text: String) -> Bool {
        text.contains("://") || text.hasPrefix("git@") || text.hasPrefix("github.com/")
            || text.hasPrefix("service:") || text.hasPrefix("rootfs:")
    }
}
