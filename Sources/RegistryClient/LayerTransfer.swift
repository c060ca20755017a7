import ImageStore
import NIOCore
import NIOHTTP1
import OCISpec

/// Brings one layer into the store: fetched, verified and unpacked at the same time.
struct LayerTransfer: Sendable {
    let puller: ImagePuller
    let source: ImageSource
    let descriptor: Descriptor
    let diffID: ContentDigest
    /// Where the unpacked layer goes.
    let intake: ImageIntake
    let report: @Sendable (TransferEvent) -> Void

    private var session: RegistrySession { puller.session }
    private var isThere: Bool { puller.store.holds(blob: descriptor.digest) && puller.store.holds(layer: diffID) }

    /// Fetches the layer when it is its turn, or waits for whoever else is fetching it.
    func perform(_ turns: Turns) async throws(RegistryError) {
        while true {
            let isDone = try await turns.run { () async throws(RegistryError) -> Bool in
                if isThere { return true }
                let descriptor = descriptor
                let store = puller.store
                let intake = try await puller.blocking { () throws(ImageError) in try store.beginIntake(descriptor) }
                guard let intake else { return false }
                try await receive(intake)
                return true
            }
            if isDone { return report(.blob(descriptor.digest, .done(wasThere: false))) }
            report(.blob(descriptor.digest, .shared))
            do { try await Task.sleep(for: .milliseconds(50)) } catch {
                throw RegistryError(.unreachable, "\(source): interrupted")
            }
        }
    }

    private func receive(_ first: BlobIntake) async throws(RegistryError) {
        var intake = first
        while true {
            let isResumed = intake.left > 0
            do throws(RegistryError) {
                return try await receiveOnce(intake)
            } catch {
                // What an earlier try left may have been lost in a crash, or was never right.
                guard error.code == .digestMismatch, isResumed else { throw error }
            }
            let (descriptor, store) = (descriptor, puller.store)
            guard let next = try await puller.blocking({ () throws(ImageError) in try store.beginIntake(descriptor) })
            else { return }
            intake = next
        }
    }

    private func receiveOnce(_ blob: BlobIntake) async throws(RegistryError) {
        let (diffID, intake) = (diffID, intake)
        try await puller.blocking { () throws(ImageError) in try blob.unpack(as: diffID, with: intake) }
        do throws(RegistryError) {
            try await puller.blocking { () throws(ImageError) in try blob.replay() }
            if !blob.isVerified { try await download(to: blob) }
            report(.blob(descriptor.digest, .unpacking))
            try await puller.blocking { () throws(ImageError) in try blob.finish() }
        } catch {
            await puller.finally { blob.endUnpacking() }
            throw error
        }
        let notes = try await puller.blocking { () throws(ImageError) in try blob.finishUnpacking() }
        for note in notes { report(.note(note)) }
    }

    /// Fetches what is still missing; a connection that breaks is taken up where it broke.
    private func download(to intake: BlobIntake) async throws(RegistryError) {
        let patience = session.configuration.patience
        var failures = 0
        while intake.received < descriptor.size {
            let before = intake.received
            let response = try await answer(from: before)
            let skipped = try await checked(response, from: before)
            let failure = try await take(response, into: intake, skipping: skipped)
            guard intake.received < descriptor.size else { return }
            guard failure?.isTransient ?? true else {
                throw RegistryError(.unreachable, "\(source.host): \(failure?.message ?? "")")
            }
            // A connection that brought something is no failure of the same kind as one that brings nothing.
            failures = intake.received - before > 1 << 20 ? 1 : failures + 1
            guard failures < patience.attempts else {
                throw RegistryError(
                    .unreachable,
                    "fetch \(descriptor.digest) from \(source): \(failure?.message ?? "the answer ended too early"), "
                        + "\(failures) times, the last after \(intake.received) of \(descriptor.size) bytes"
                )
            }
            do { try await session.configuration.sleep(patience.pause(afterFailures: failures, asked: nil)) } catch {
                throw RegistryError(.unreachable, "\(source): interrupted")
            }
        }
    }

    private func answer(from offset: Int64) async throws(RegistryError) -> WireResponse {
        var headers = HTTPHeaders()
        if offset > 0 { headers.add(name: "Range", value: "bytes=\(offset)-") }
        let path = "/v2/\(source.repository)/blobs/\(descriptor.digest)"
        return try await session.send("GET", .path(path), of: source, headers: headers)
    }

    /// Checks an answer's head; returns how many of its bytes we have already.
    private func checked(_ response: WireResponse, from offset: Int64) async throws(RegistryError) -> Int64 {
        let what = "fetch \(descriptor.digest) of \(source)"
        let length = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
        switch response.status {
        case 206 where offset > 0:
            let range = response.headers.first(name: "Content-Range") ?? ""
            guard range.hasPrefix("bytes \(offset)-") else {
                throw RegistryError(
                    .invalidAnswer,
                    "\(what): asked for bytes from \(offset) on, the registry sends \(range.printable)"
                )
            }
            return 0
        case 200:
            guard length == nil || length == descriptor.size else {
                throw RegistryError(
                    .digestMismatch,
                    "\(what): the registry has \(length ?? 0) bytes of it, where the image says \(descriptor.size)"
                )
            }
            return offset
        default: throw await session.refusal(response, source, what)
        }
    }

    /// Takes the bytes of an answer; returns why there are no more when that is not their end.
    private func take(
        _ response: WireResponse,
        into intake: BlobIntake,
        skipping skipped: Int64
    ) async throws(RegistryError) -> TransportFailure? {
        var pending = ByteBuffer()
        // While one portion is written and unpacked the next one comes; never more than that.
        var writing: Task<Appended, Never>?
        var skipped = skipped
        var pace = Pace(least: session.configuration.patience.slowest)
        var refused: RegistryError?
        var failure: TransportFailure?
        do throws(TransportFailure) {
            while var piece = try await response.body.next() {
                if skipped > 0 {
                    let count = min(skipped, Int64(piece.readableBytes))
                    piece.moveReaderIndex(forwardBy: Int(count))
                    skipped -= count
                }
                guard pace.accepts(piece.readableBytes) else {
                    throw TransportFailure(
                        .stalled,
                        "less than \(session.configuration.patience.slowest) bytes came in a minute"
                    )
                }
                pending.writeBuffer(&piece)
                if pending.readableBytes >= Self.portion {
                    let (last, full) = (await writing?.value, pending)
                    refused = last?.refusal
                    writing = nil
                    if refused != nil { break }
                    pending = last?.buffer ?? ByteBuffer()
                    writing = Task { await append(full, intake) }
                }
            }
        } catch { failure = error }
        if let last = await writing?.value { refused = last.refusal }
        if refused == nil { refused = await append(pending, intake).refusal }
        if let refused { throw refused }
        return failure
    }

    /// How many bytes are handed over at once: with the piece that is one too many they fit into a power of two, which is
    /// what buffers grow by.
    private static let portion = 448 << 10

    /// What became of a portion: its memory, for another one, and why it was not taken.
    private struct Appended {
        var buffer: ByteBuffer
        var refusal: RegistryError?
    }

    private func append(_ bytes: ByteBuffer, _ intake: BlobIntake) async -> Appended {
        var result = Appended(buffer: bytes)
        result.refusal = await appended(bytes, intake)
        result.buffer.clear()
        return result
    }

    private func appended(_ bytes: ByteBuffer, _ intake: BlobIntake) async -> RegistryError? {
        guard bytes.readableBytes > 0 else { return nil }
        do throws(RegistryError) {
            try await puller.blocking { () throws(ImageError) in
                var result: Result<Void, ImageError> = .success(())
                bytes.withUnsafeReadableBytes { bytes in
                    do throws(ImageError) { try intake.append(bytes) } catch { result = .failure(error) }
                }
                try result.get()
            }
        } catch { return error }
        report(.blob(descriptor.digest, .moving(done: intake.received, total: descriptor.size)))
        return nil
    }
}
