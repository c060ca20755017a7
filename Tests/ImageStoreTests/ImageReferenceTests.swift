@testable import ImageStore
import OCISpec
import Testing

private let digest = "sha256:" + String(repeating: "a1", count: 32)

@Suite("an image reference")
struct ImageReferenceTests {
    @Test(
        "has one canonical form",
        arguments: [
            ("redis", "docker.io/library/redis:latest"),
            ("redis:7.2-alpine", "docker.io/library/redis:7.2-alpine"),
            ("bitnami/redis", "docker.io/bitnami/redis:latest"),
            ("docker.io/redis", "docker.io/library/redis:latest"),
            ("index.docker.io/a/b:1", "docker.io/a/b:1"),
            ("ghcr.io/x/y_z/a--b", "ghcr.io/x/y_z/a--b:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app:dev", "localhost:5000/app:dev"),
            ("Registry/app", "Registry/app:latest"),
            ("app@\(digest)", "docker.io/library/app@\(digest)"),
            ("ghcr.io/x/app:1@\(digest)", "ghcr.io/x/app:1@\(digest)"),
            (digest, digest),
            ("rootfs:/", "rootfs:/"),
            ("rootfs:./root", "rootfs:/project/root"),
            ("rootfs:/a:b", "rootfs:/a:b"),
            ("docker-archive:a.tar", "docker-archive:/project/a.tar"),
            ("docker-archive:/x/a.tar:redis:7", "docker-archive:/x/a.tar:redis:7"),
            ("oci-archive:../a.tar:v1", "oci-archive:/project/../a.tar:v1"),
            ("oci:layout", "oci:/project/layout"),
            ("oci:/srv/layout/:v2", "oci:/srv/layout:v2"),
        ]
    )
    func canonical(text: String, expected: String) throws {
        let reference = try ImageReference(text, projectDirectory: "/project")
        #expect("\(reference)" == expected)
        #expect(try ImageReference(expected, projectDirectory: "/elsewhere") == reference)
    }

    @Test(
        "refuses what is no name",
        arguments: [
            "", "Redis", "redis:", "redis:-a", "a//b", "/a", "a/", "a__b___c", "a..b", "-a", "a-", "redis@sha256:12",
            "redis@sha256:\(String(repeating: "A1", count: 32))", "ho st/a", "ghcr.io:x/a", "a\u{0}b", "rootfs:",
            "oci:",
        ]
    )
    func refused(text: String) {
        #expect { try ImageReference(text, projectDirectory: "/project") } throws: {
            ($0 as? ImageError)?.code == .invalidReference
        }
    }

    @Test("says what the forms are")
    func message() {
        let error = #expect(throws: ImageError.self) { try ImageReference("No Name", projectDirectory: "/") }
        #expect(
            error?.message == """
                image "No Name" is no image name; write a name as in redis:7 or ghcr.io/owner/app@sha256:…, \
                docker-archive:FILE[:NAME], oci-archive:FILE[:NAME], oci:DIRECTORY[:NAME], rootfs:DIRECTORY, \
                or rootfs:/ for the host's own programs
                """
        )
    }

    @Test("asks for a way around when the store has no such image")
    func notFound() throws {
        let store = ImageStore(root: "/nonexistent/store")
        let error = #expect(throws: ImageError.self) {
            try store.resolve(try ImageReference("redis", projectDirectory: "/"))
        }
        #expect(error?.code == .imageNotFound)
        #expect(
            error?.message == """
                image docker.io/library/redis:latest is not in the store; fetch it with "roost image pull", \
                load it with "roost load -i FILE", or use the host's own programs with rootfs:/
                """
        )
    }
}
