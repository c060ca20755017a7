import Glibc
import ImageStore
import NIOCore
import NIOHTTP1
import OCISpec
import Synchronization
import Testing

@testable import RegistryClient

@Suite("Pushing", .enabled(if: getuid() == 0, "a layer's files belong to root"))
struct PushTests {
    /// A registry that takes what is sent to it.
    final class Shelf: Sendable {
        private struct State {
            var blobs: [String: [UInt8]] = [:]
            var manifests: [String: [UInt8]] = [:]
            var uploads: [String: [UInt8]] = [:]
            var failures: Int
        }

        private let state: Mutex<State>
        private let largest: Int
        /// Blobs that another repository has.
        private let others: Set<String>

        init(failures: Int = 0, largest: Int = .max, others: Set<String> = []) {
            state = Mutex(State(failures: failures))
            self.largest = largest
            self.others = others
        }

        var blobs: [String: [UInt8]] { state.withLock { $0.blobs } }
        var manifests: [String: [UInt8]] { state.withLock { $0.manifests } }

        func answer(_ asked: ScriptedRegistry.Asked) -> ScriptedRegistry.Answer {
            state.withLock { state in
                let (path, query) = Self.split(asked.target)
                let last = String(path.split(separator: "/").last ?? "")
                switch asked.method {
                case "HEAD": return .init(status: state.blobs[last] == nil ? 404 : 200)
                case "POST":
                    if let mounted = query["mount"], others.contains(mounted) { return .init(status: 201) }
                    let id = "\(state.uploads.count)"
                    state.uploads[id] = []
                    return .init(status: 202, headers: ["Location": "/v2/app/blobs/uploads/\(id)?_state=x"])
                case "PATCH":
                    let range = asked.headers.first(name: "Content-Range")
                    let start = state.uploads[last]?.count ?? 0
                    guard range == "\(start)-\(start + asked.body.count - 1)" else { return .init(status: 416) }
                    state.uploads[last]?.append(contentsOf: asked.body)
                    return .init(status: 202, headers: ["Location": "\(path)?_state=\(start)"])
                case "PUT" where path.contains("/manifests/"):
                    state.manifests[last] = asked.body
                    return .init(status: 201)
                case "PUT":
                    guard asked.body.count <= largest else { return .init(status: 413) }
                    guard state.failures == 0 else {
                        state.failures -= 1
                        return .init(status: 404, body: Array(#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#.utf8))
                    }
                    let bytes = (state.uploads[last] ?? []) + asked.body
                    guard let digest = query["digest"], SampleImage.digest(bytes).rawValue == digest else {
                        return .init(status: 400)
                    }
                    state.blobs[digest] = bytes
                    return .init(status: 201)
                default: return .init(status: 405)
                }
            }
        }

        private static func split(_ target: String) -> (String, [String: String]) {
            let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
            var query: [String: String] = [:]
            for pair in parts.count == 2 ? parts[1].split(separator: "&") : [] {
                let pair = pair.split(separator: "=", maxSplits: 1).map(String.init)
                query[pair[0]] = pair.count == 2 ? pair[1].replacing("%3A", with: ":").replacing("%2F", with: "/") : ""
            }
            return (parts[0], query)
        }
    }

    /// Pulls a sample image by one server's name, and sends it to another.
    private func push(_ image: SampleImage, to shelf: Shelf) async throws -> ScriptedRegistry {
        let scratch = try PullScratch()
        // The name decides where the image goes, so the same host first gives it and then takes it.
        let isGiven = Atomic(false)
        let registry = try ScriptedRegistry { asked in
            isGiven.load(ordering: .relaxed) ? shelf.answer(asked) : image.answer(asked)
        }
        _ = try await scratch.pull(registry.port, "app:1")
        isGiven.store(true, ordering: .relaxed)
        #expect(try await scratch.push(registry.port) == image.digest)
        return registry
    }

    @Test("all of an image is sent, and a second time nothing but its name")
    func whole() async throws {
        let (image, shelf) = (SampleImage(), Shelf())
        let registry = try await push(image, to: shelf)
        defer { registry.close() }
        #expect(shelf.manifests == ["1": image.manifest])
        #expect(shelf.blobs == Dictionary(uniqueKeysWithValues: image.blobs.map { ($0.key.rawValue, $0.value) }))
        let scratch = try PullScratch()
        let second = try ScriptedRegistry { asked in
            asked.method == "GET" || asked.target.hasSuffix("/manifests/1") && asked.method == "HEAD"
                ? image.answer(asked) : shelf.answer(asked)
        }
        defer { second.close() }
        _ = try await scratch.pull(second.port)
        let before = second.asked().count
        _ = try await scratch.push(second.port)
        #expect(
            second.asked()[before...].sorted()
                == (image.blobs.keys.map { "HEAD /v2/app/blobs/\($0)" } + ["PUT /v2/app/manifests/1"]).sorted()
        )
    }

    @Test("an upload that fails is begun anew")
    func again() async throws {
        let (image, shelf) = (SampleImage(layers: 1), Shelf(failures: 2))
        let registry = try await push(image, to: shelf)
        defer { registry.close() }
        #expect(shelf.blobs.count == 2)
    }

    @Test("a registry that takes no large body gets pieces")
    func pieces() async throws {
        let (image, shelf) = (SampleImage(layers: 1, size: 50_000), Shelf(largest: 10_000))
        let registry = try await push(image, to: shelf)
        defer { registry.close() }
        #expect(shelf.blobs[image.layers[0].rawValue] == image.blobs[image.layers[0]])
        #expect(registry.asked().contains { $0.hasPrefix("PATCH /v2/app/blobs/uploads/") })
    }

    @Test("what the store lacks can't be sent, nor what has no tag")
    func missing() async throws {
        let scratch = try PullScratch()
        let absent = await #expect(throws: RegistryError.self) { try await scratch.push(1) }
        #expect(absent?.code == .notFound)
        let pinned = await #expect(throws: RegistryError.self) {
            try await scratch.push(1, "app@sha256:\(String(repeating: "a", count: 64))")
        }
        #expect(pinned?.code == .configuration)
    }
}
