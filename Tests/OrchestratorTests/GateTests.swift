import Testing

@testable import Orchestrator

@Suite("A gate", .timeLimit(.minutes(1)))
struct GateTests {
    @Test("that stays shut lets go whoever waits no time at all")
    func noTime() async {
        let gate = Gate()
        for _ in 0..<2000 {
            #expect(await gate.wait(atMost: .zero) == false)
        }
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
