import NIOHTTP1
import OCISpec

/// Brings one blob to a registry: OCI Distribution Specification, "Pushing blobs".
struct BlobUpload: Sendable {
    let session: RegistrySession
    let source: ImageSource
    let descriptor: Descriptor
    /// Where the blob's bytes are.
    let path: String
    /// Repositories of the same registry that may have it.
    let origins: [String]
    let report: @Sendable (TransferEvent) -> Void

    /// Of how many bytes pieces are when a registry takes no whole blob.
    private static let piece: Int64 = 32 << 20
    private static let actions = "pull,push"

    /// Looks whether the blob is there, has it taken from another repository, or sends it.
    func perform() async throws(RegistryError) {
        if try await isThere() { return report(.blob(descriptor.digest, .done(wasThere: true))) }
        let patience = session.configuration.patience
        var failures = 0
        while true {
            do throws(RegistryError) {
                let wasMounted = try await send()
                return report(.blob(descriptor.digest, .done(wasThere: wasMounted)))
            } catch {
                // An upload that broke off is begun anew: what of it arrived is the registry's to forget.
                guard [.unreachable, .refused, .notFound].contains(error.code) else { throw error }
                failures += 1
                guard failures < patience.attempts else { throw error }
                do { try await session.configuration.sleep(patience.pause(afterFailures: failures, asked: nil)) } catch
                {
                    throw RegistryError(.unreachable, "\(source): interrupted")
                }
            }
        }
    }

    private func isThere() async throws(RegistryError) -> Bool {
        let path = "/v2/\(source.repository)/blobs/\(descriptor.digest)"
        let response = try await session.send("HEAD", .path(path), of: source, actions: Self.actions)
        switch response.status {
        case 200: return true
        case 404: return false
        default: throw await session.refusal(response, source, "look for \(descriptor.digest) in \(source)")
        }
    }

    /// Begins an upload and carries it out; true when the registry had the blob in another repository.
    private func send() async throws(RegistryError) -> Bool {
        var target = WireURL(
            origin: .init(isSecure: true, host: "", port: 443),
            target: "/v2/\(source.repository)/blobs/uploads/"
        )
        if let origin = origins.first {
            target = target.adding("mount", descriptor.digest.rawValue).adding("from", origin)
        }
        let response = try await session.send(
            "POST",
            .path(target.target),
            of: source,
            actions: Self.actions,
            headers: ["Content-Length": "0"]
        )
        if response.status == 201 { return true }
        let what = "send \(descriptor.digest) to \(source)"
        guard response.status == 202 else { throw await session.refusal(response, source, what) }
        let place = try location(of: response, nil)
        let least = response.headers.first(name: "OCI-Chunk-Min-Length").flatMap { Int64($0) } ?? 0
        _ = try await session.document(response, limit: 64 << 10, source)
        let status = try await put(0..<descriptor.size, to: place)
        // Whoever stands before the registry takes no body of that size.
        guard status == 413 else { return false }
        try await sendPieces(of: max(Self.piece, least))
        return false
    }

    /// Sends the rest of the blob and ends the upload; returns 413 when that is too much at once.
    private func put(_ range: Range<Int64>, to place: WireURL) async throws(RegistryError) -> Int {
        let done = Counter(range.lowerBound)
        let (report, descriptor) = (report, descriptor)
        let response = try await session.send(
            "PUT",
            .address(place.adding("digest", descriptor.digest.rawValue)),
            of: source,
            actions: Self.actions,
            headers: ["Content-Type": "application/octet-stream"],
            body: range.isEmpty
                ? .none
                : .file(path: path, range: range) { count in
                    report(.blob(descriptor.digest, .moving(done: done.add(count), total: descriptor.size)))
                },
            isPatient: false
        )
        if response.status == 413 {
            _ = try await session.document(response, limit: 64 << 10, source)
            return 413
        }
        guard response.status == 201 || response.status == 204 else {
            throw await session.refusal(response, source, "send \(descriptor.digest) to \(source)")
        }
        _ = try await session.document(response, limit: 64 << 10, source)
        return response.status
    }

    /// Sends the blob in pieces, each of which the registry confirms.
    private func sendPieces(of size: Int64) async throws(RegistryError) {
        let what = "send \(descriptor.digest) to \(source)"
        let begun = try await session.send(
            "POST",
            .path("/v2/\(source.repository)/blobs/uploads/"),
            of: source,
            actions: Self.actions,
            headers: ["Content-Length": "0"]
        )
        guard begun.status == 202 else { throw await session.refusal(begun, source, what) }
        var place = try location(of: begun, nil)
        _ = try await session.document(begun, limit: 64 << 10, source)
        var start: Int64 = 0
        let done = Counter(0)
        let (report, descriptor) = (report, descriptor)
        while start < descriptor.size {
            let end = min(start + size, descriptor.size)
            let response = try await session.send(
                "PATCH",
                .address(place),
                of: source,
                actions: Self.actions,
                headers: ["Content-Type": "application/octet-stream", "Content-Range": "\(start)-\(end - 1)"],
                body: .file(path: path, range: start..<end) { count in
                    report(.blob(descriptor.digest, .moving(done: done.add(count), total: descriptor.size)))
                },
                isPatient: false
            )
            guard response.status == 202 || response.status == 204 else {
                throw await session.refusal(response, source, what)
            }
            place = try location(of: response, place)
            _ = try await session.document(response, limit: 64 << 10, source)
            start = end
        }
        guard try await put(descriptor.size..<descriptor.size, to: place) != 413 else {
            throw RegistryError(.refused, "\(what): the registry takes not even pieces of \(size) bytes")
        }
    }

    /// Where an upload goes on.
    private func location(of response: WireResponse, _ former: WireURL?) throws(RegistryError) -> WireURL {
        guard let text = response.headers.first(name: "Location") else {
            if let former { return former }
            throw RegistryError(.invalidAnswer, "\(source): an upload that begins nowhere: there is no Location")
        }
        guard let base = former ?? session.origin(of: source).map({ WireURL(origin: $0, target: "/") }),
            let place = base.resolving(text)
        else { throw RegistryError(.invalidAnswer, "\(source): an upload to what is no address: \(text.printable)") }
        guard place.origin.isSecure || !base.origin.isSecure else {
            throw RegistryError(.invalidAnswer, "\(source): an upload to \(place.origin), without encryption")
        }
        return place
    }
}
