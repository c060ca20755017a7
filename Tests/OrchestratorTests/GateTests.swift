import Testing

@testable import Orchestrator

@Suite("A gate", .timeLimit(.minutes(1)))
struct GateTests {
    @Test("that stays shut lets go whoever waits no time at all")
    func noTime() async {
        let gate = Gate()
        // Many at once: who waits and the clock that wakes it are then on different threads.
        let wasOpen = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    for _ in 0..<5000 where await gate.wait(atMost: .zero) { return true }
                    return false
                }
            }
            return await group.contains(true)
        }
        #expect(!wasOpen)
    }

    @Test("that opens lets everyone go on, however long they would have waited")
    func opening() async {
        let gate = Gate()
        async let patient = gate.wait(atMost: .seconds(1000))
        async let endless: Void = gate.wait()
        gate.open()
        #expect(await patient)
        await endless
        #expect(await gate.wait(atMost: .zero))
    }
}
