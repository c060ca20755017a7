@testable import ComposeModel
import Testing
import YAMLComposer

/// Ports and mounts in their short forms.
struct ShortFormFuzzTests {
    /// What a port means, as text: address, published port, container port and protocol, a line for each.
    private static func lines(_ ports: [YAMLNode]) -> [String] {
        ports.map { port in
            func text(_ key: String) -> String { port[key]?.scalarText ?? "" }
            let address = text("host_ip").isEmpty ? "" : "[\(text("host_ip"))]:"
            let published = text("published").isEmpty && address.isEmpty ? "" : text("published") + ":"
            return address + published + text("target") + "/" + text("protocol")
        }
    }

    private static func ports(_ text: String) -> (lines: [String], diagnostics: DiagnosticCollector) {
        let diagnostics = DiagnosticCollector()
        let options = ServiceOptions(ports: [text], mounts: [], directory: "/p", home: "/h", diagnostics: diagnostics)
        return (lines(options.ports), diagnostics)
    }

    @Test("a short port means what its parts say, or is refused, and reads back as it is shown")
    func shortPorts() throws {
        try PartFuzz(part: "ports").run { mutation in
            let text = Self.port(&mutation)
            return mutation.once(in: 2) ? mutation.damaged(text) : text
        } problem: { input in
            let (found, diagnostics) = Self.ports(input.text)
            if diagnostics.hasErrors {
                return input.meaning == nil ? nil : "refused: \(diagnostics.all.map(\.message))"
            }
            if found.isEmpty { return "neither taken nor refused" }
            if let meaning = input.meaning, Set(meaning) != Set(found) { return "read as \(found), not \(meaning)" }
            for line in found.prefix(20) where Self.ports(line).lines != [line] {
                return "\(line) reads as \(Self.ports(line).lines)"
            }
            return nil
        }
    }

    /// A port of which is known what it means.
    private static func port(_ mutation: inout Mutation) -> FuzzText<[String]> {
        let addresses = ["127.0.0.1", "0.0.0.0", "10.255.1.9", "[::1]", "[fe80::1:2]", "[::]"]
        let address = mutation.once(in: 3) ? mutation.one(of: addresses) : ""
        let count = mutation.once(in: 3) ? 1 + mutation.index(below: 12) : 1
        let target = 1 + mutation.index(below: 65535 - count)
        let networkProtocol = mutation.one(of: ["", "", "tcp", "udp", "sctp", "UDP"])
        func range(_ first: Int, _ count: Int) -> String { count == 1 ? "\(first)" : "\(first)-\(first + count - 1)" }
        var text = range(target, count) + (networkProtocol.isEmpty ? "" : "/" + networkProtocol)
        var published: Int?
        var width = count
        if mutation.once(in: 2) {
            // One container port may have the first free one of several.
            if count == 1 && mutation.once(in: 4) { width = 2 + mutation.index(below: 9) }
            let first = 1 + mutation.index(below: 65535 - width)
            published = first
            text = range(first, width) + ":" + text
        } else if !address.isEmpty {
            text = ":" + text
        }
        let host = address.isEmpty ? "" : "[\(address.filter { $0 != "[" && $0 != "]" })]:"
        let ending = "/" + (networkProtocol.isEmpty ? "tcp" : networkProtocol.lowercased())
        let meaning = (0..<count).map { offset in
            let outside = published.map { width > count ? range($0, width) : "\($0 + offset)" } ?? ""
            return host + (outside.isEmpty && host.isEmpty ? "" : outside + ":") + "\(target + offset)" + ending
        }
        return FuzzText(text: (address.isEmpty ? "" : address + ":") + text, meaning: meaning)
    }

    // MARK: Mounts

    /// A mount as its short form has it: `type source target options`.
    private static func line(_ mount: YAMLNode) -> [String] {
        func text(_ key: String) -> String { mount[key]?.scalarText ?? "" }
        let bind = mount["bind"]
        let options = [
            mount["read_only"]?.bool == true ? "ro" : "", bind?["propagation"]?.scalarText ?? "",
            bind?["selinux"]?.scalarText ?? "", mount["volume"]?["nocopy"]?.bool == true ? "nocopy" : "",
        ]
        return [text("type"), text("source"), text("target"), options.filter { !$0.isEmpty }.joined(separator: ",")]
    }

    private static func mount(_ text: String) -> (line: [String]?, diagnostics: DiagnosticCollector) {
        let diagnostics = DiagnosticCollector()
        let options = ServiceOptions(ports: [], mounts: [text], directory: "/p", home: "/h", diagnostics: diagnostics)
        return (options.mounts.first.map(line), diagnostics)
    }

    @Test("a short mount means what its parts say, or is refused, and reads back as it is shown")
    func shortMounts() throws {
        try PartFuzz(part: "volumes").run { mutation in
            let text = Self.mount(&mutation)
            return mutation.once(in: 2) ? mutation.damaged(text) : text
        } problem: { input in
            let (found, diagnostics) = Self.mount(input.text)
            if diagnostics.hasErrors {
                return input.meaning == nil ? nil : "refused: \(diagnostics.all.map(\.message))"
            }
            guard let found else { return "neither taken nor refused" }
            if let meaning = input.meaning, meaning != found { return "read as \(found), not \(meaning)" }
            if found[0] == "bind" && !found[1].hasPrefix("/") && !found[1].contains("\\") && !found[1].contains(":") {
                return "the path \(found[1]) is not absolute"
            }
            // Where a part has a colon of its own, the short form has no second reading.
            guard found[0] == "bind", !(found[1] + found[2]).contains(where: { ":$\\".contains($0) }) else {
                return nil
            }
            let again = ([found[1], found[2]] + (found[3].isEmpty ? [] : [found[3]])).joined(separator: ":")
            guard found[1].utf8.count > 1, found[2].utf8.count > 1 else { return nil }
            return Self.mount(again).line == found ? nil : "\(again) reads as \(Self.mount(again).line ?? [])"
        }
    }

    /// A mount of which is known what it means.
    private static func mount(_ mutation: inout Mutation) -> FuzzText<[String]> {
        let name = mutation.text("abcXYZ019_.-", 2...12)
        let target = "/" + mutation.text("abc/_.", 2...12)
        // As in Compose, a short form's target is clean from the start.
        let clean = FilePath.cleaned(target)
        guard !mutation.once(in: 5) else { return FuzzText(text: target, meaning: ["volume", "", clean, ""]) }
        let paths = [
            ("/" + name, "/" + name), ("./" + name, FilePath.cleaned("/p/" + name)),
            ("~/" + name, FilePath.cleaned("/h/" + name)),
            ("../" + name, FilePath.cleaned("/p/../" + name)), (".", "/p"),
        ]
        // A name that starts with a dot is a path.
        let isVolume = mutation.once(in: 2)
        let (written, source) = isVolume ? ("v" + name, "v" + name) : mutation.one(of: paths)
        let choices =
            isVolume ? ["", "ro", "nocopy", "ro,nocopy"] : ["", "ro", "rw", "z", "ro,Z", "rshared", "ro,slave"]
        let options = mutation.one(of: choices)
        // They are shown in an order of their own.
        let order = ["ro", "rshared", "slave", "z", "Z", "nocopy"]
        let shown = order.filter { options.split(separator: ",").map(String.init).contains($0) }
        return FuzzText(
            text: written + ":" + target + (options.isEmpty ? "" : ":" + options),
            meaning: [isVolume ? "volume" : "bind", source, clean, shown.joined(separator: ",")]
        )
    }
}
