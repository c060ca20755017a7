import ContainerRuntime
import LinuxSystem
import OCISpec
import Testing

import class Foundation.FileManager

@Suite("compiled filters on disk")
struct FilterCacheTests {
    @Test("are what compiling gives, and are compiled again when they are broken")
    func cache() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/roost-filters-\(UInt64.random(in: 0 ... .max))"
        defer { for name in namesInDirectory(directory) { removeFile("\(directory)/\(name)") } }
        let cache = FilterCache(directory: directory)
        let standard = SeccompSpec.standard(capabilities: [])
        let compiled = try SeccompProgram(compiling: standard)
        #expect(try cache.program(standard) == compiled)
        #expect(try cache.program(standard) == compiled)
        #expect(namesInDirectory(directory).count == 1)
        let name = try #require(namesInDirectory(directory).first)
        for broken in [[1, 2, 3], [UInt8](repeating: 0, count: compiled.instructions.count), []] {
            try replaceFile("\(directory)/\(name)", broken)
            #expect(try cache.program(standard) == compiled)
        }
        var other = standard
        other.syscalls?[0].errnoRet = 5
        _ = try cache.program(other)
        #expect(namesInDirectory(directory).count == 2)
    }
}
