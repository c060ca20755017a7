import Testing

@testable import ImageBuilder

@Suite struct GitAddressTests {
    private func read(_ text: String) -> String {
        do throws(GitAddress.Malformed) {
            let address = try GitAddress(text)
            var parts = [address.remote, address.reference ?? "-", address.directory.isEmpty ? "/" : address.directory]
            if let commit = address.commit { parts.append("is \(commit)") }
            if let commit = address.commitBeginning { parts.append("begins \(commit)") }
            if let keeps = address.keepsGitDirectory { parts.append("git \(keeps)") }
            if !address.hasSubmodules { parts.append("alone") }
            return parts.joined(separator: " ")
        } catch { return "refused: \(error.message)" }
    }

    @Test(
        "an address says what is fetched",
        arguments: [
            ("https://h/p.git", "https://h/p.git - /"), ("https://h/p.git#v1", "https://h/p.git v1 /"),
            ("https://h/p.git#:sub/dir/", "https://h/p.git - sub/dir"),
            ("https://u@h:8/p#refs/x:./a//b", "https://u@h:8/p refs/x a/b"),
            ("git@h.org:o/p.git#main:d", "git@h.org:o/p.git main d"), ("ssh://git@h/p", "ssh://git@h/p - /"),
            (
                "https://h/p.git?branch=b&subdir=s&submodules=false&keep-git-dir",
                "https://h/p.git refs/heads/b s git true alone"
            ),
            (
                "https://h/p.git?tag=t&commit=0123456789ABCDEF0123456789abcdef01234567",
                "https://h/p.git refs/tags/t / is 0123456789abcdef0123456789abcdef01234567"
            ),
            ("https://h/p.git?ref=v1&checksum=0123ABC&fetch-by-commit", "https://h/p.git v1 / begins 0123abc"),
        ]
    ) func addresses(text: String, wanted: String) { #expect(read(text) == wanted) }

    @Test(
        "what would lead elsewhere is refused",
        arguments: [
            "https://h/p.git#main:../../x", "https://h/p.git#:a/../../b", "https://h/p.git?subdir=..",
            "https://h/p.git#--upload-pack=x",
            "https://h/p.git#-x", "https://h/p.git#a..b", "https://h/p.git#a b", "https://h/p.git#a\nb",
            "https://h/p.git#a^{/x}",
            "ssh://-oProxyCommand=x/p", "-oProxyCommand=x@h:p", "git@-oProxyCommand=x:p", "ssh://u@-x/p",
            "ext::sh -c x", "ext::sh", "file:///etc",
            "/etc", "../x", "", "https://", "https:///p.git", "git@h", "u@h::p", "https://h/p.git?x=1",
            "https://h/p.git?ref=a&ref=b",
            "https://h/p.git?checksum=abc", "https://h/\(String(repeating: "p", count: 5000))",
        ]
    ) func refused(text: String) { #expect(read(text).hasPrefix("refused: "), "\(read(text))") }

    @Test("paths are no addresses") func recognition() {
        for text in ["https://h/p.git", "https://h/p.git#x", "git@h:p", "ssh://h/p", "git://h/p"] {
            #expect(GitAddress.isAddress(text))
        }
        for text in [".", "./a:b@c", "dir@1/x:y", "https://h/x.tgz", "/a", "a"] {
            #expect(!GitAddress.isAddress(text), "\(text)")
        }
    }
}
