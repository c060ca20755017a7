import FoundationEssentials
package import LinuxSystem

/// What other projects have on a network: addresses of their containers, and the names of everybody on it.
///
/// A directory beside the network's record, which is there only while there are guests: nobody else pays for it. An
/// address is a file that names its container; `names.<project>` holds what a project's containers answer to there,
/// the owner's among them. `left` says that the owner has given the network up, so its last guest removes it.
package struct NetworkGuests: Hashable, Sendable {
    /// A container that has an address.
    package struct Guest: Hashable, Sendable {
        /// Its project.
        package var project: String
        /// Its name.
        package var container: String

        /// A container of a project.
        package init(project: String, container: String) {
            self.project = project
            self.container = container
        }
    }

    /// The directory; it need not exist.
    package let directory: String

    /// The guests of the network with that bridge, whose record lies in a registry.
    package init(of network: BridgeNetwork, in registry: NetworkRegistry) {
        directory = "\(registry.directory)/\(network.bridge).guests"
    }

    /// Whether there are any, or were a moment ago.
    package var exist: Bool { fileExists(directory) }

    /// Who has which address; files that a crash has left unwritten tell nothing.
    package func all() -> [IPAddress: Guest] {
        var result: [IPAddress: Guest] = [:]
        for name in namesInDirectory(directory) {
            guard let address = IPAddress(name), let text = try? readFile("\(directory)/\(name)") else { continue }
            let parts = text.split(separator: "/")
            guard parts.count == 2 else { continue }
            result[address] = Guest(project: String(parts[0]), container: String(parts[1]))
        }
        return result
    }

    /// Notes a guest's addresses, instead of those that it had.
    ///
    /// To be called while the registry is locked.
    package func note(_ addresses: [IPAddress], of guest: Guest) throws(NetworkError) {
        do throws(SyscallError) {
            try makeDirectories(directory)
            for (address, holder) in all() where holder == guest && !addresses.contains(address) { forget(address) }
            for address in addresses {
                try replaceFile("\(directory)/\(address)", Array("\(guest.project)/\(guest.container)".utf8))
            }
        } catch { throw NetworkError("note the guests of a network", error) }
    }

    /// Takes an address off the list.
    package func forget(_ address: IPAddress) { removeFile("\(directory)/\(address)") }

    /// Removes everything that is known, once nobody is a guest any more.
    package func clear() {
        for name in namesInDirectory(directory) { removeFile("\(directory)/\(name)") }
        // Another one may have come since; then it stays.
        try? removeDirectory(directory)
    }

    /// Whether the owner has given the network up.
    package var isLeft: Bool { fileExists("\(directory)/left") }

    /// Says whether the owner has given the network up.
    package func setLeft(_ isLeft: Bool) throws(NetworkError) {
        guard isLeft else {
            removeFile("\(directory)/left")
            return
        }
        do { try replaceFile("\(directory)/left", []) } catch { throw NetworkError("give up a network", error) }
    }

    // Names

    /// Writes what a project's containers answer to; `isInitial` leaves what is there already.
    package func write(_ containers: [Zone.Container], of project: String, isInitial: Bool = false) throws(NetworkError)
    {
        let path = "\(directory)/names.\(project)"
        if isInitial && fileExists(path) { return }
        let bytes: [UInt8]
        do { bytes = [UInt8](try JSONEncoder().encode(containers)) } catch {
            throw NetworkError(.record, "write \(path): \(error)", cause: error)
        }
        do { try replaceFile(path, bytes) } catch { throw NetworkError("share names on a network", error) }
    }

    /// Forgets what a project's containers answer to.
    func forgetNames(of project: String) { removeFile("\(directory)/names.\(project)") }

    /// What the containers of all projects but one answer to.
    func names(except project: String) -> [Zone.Container] {
        namesInDirectory(directory).sorted().filter { name in
            name.hasPrefix("names.") && !name.hasSuffix(".new") && name != "names.\(project)"
        }
        .flatMap { name -> [Zone.Container] in
            // Another project's file that can't be read makes its names unknown, and nothing else.
            guard let bytes = try? readBytes("\(directory)/\(name)", limit: 1 << 20) else { return [] }
            return (try? JSONDecoder().decode([Zone.Container].self, from: Data(bytes))) ?? []
        }
    }
}
