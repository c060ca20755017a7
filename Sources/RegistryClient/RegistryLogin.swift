import NIOHTTP1

extension RegistrySession {
    /// Shows a registry who somebody is, with what this session has for its host.
    ///
    /// Throws `unauthorised` when the registry says no.
    package func logIn(to host: String, isInsecure: Bool) async throws(RegistryError) {
        let source = ImageSource(host: host, repository: "", isInsecure: isInsecure)
        let response = try await send("GET", .path("/v2/"), of: source)
        switch response.status {
        case 200: return
        case 401, 403:
            throw RegistryError(.unauthorised, "log in to \(host): the registry does not accept this user and password")
        case 404: throw RegistryError(.invalidAnswer, "log in to \(host): it is no registry of images")
        default: throw await refusal(response, source, "log in to \(host)")
        }
    }
}
