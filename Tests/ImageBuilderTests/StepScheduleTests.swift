import Testing

@testable import ImageBuilder

/// A step that waits for others.
private func step(_ id: Int, after dependencies: [Int] = []) -> BuildStep {
    BuildStep(
        id: StepID(rawValue: id),
        label: "[\(id)]",
        title: "",
        operation: .directory(DirectoryOperation(path: "/", owner: nil)),
        mayUseCache: true,
        dependencies: dependencies.map { StepID(rawValue: $0) }
    )
}

private func id(_ number: Int) -> StepSchedule.Job { .step(StepID(rawValue: number)) }

@Test("a step begins when all that it waits for are done, and layers come after steps")
func scheduleOrder() {
    let steps = [step(0), step(1), step(2, after: [0, 1]), step(3, after: [2])]
    var schedule = StepSchedule(steps, done: [StepID(rawValue: 1)])
    #expect(schedule.next() == id(0))
    #expect(schedule.next() == nil && !schedule.isOver)
    schedule.add(.layer(StepID(rawValue: 1)))
    schedule.finish(id(0))
    #expect(schedule.next() == id(2))
    #expect(schedule.next() == .layer(StepID(rawValue: 1)))
    schedule.finish(id(2))
    schedule.finish(.layer(StepID(rawValue: 1)))
    #expect(schedule.next() == id(3) && !schedule.isOver)
    schedule.finish(id(3))
    #expect(schedule.isOver)
}

@Test("after a failure nothing begins, and what is under way ends first")
func scheduleFailure() {
    struct Broken: Error { var number: Int }
    var schedule = StepSchedule([step(0), step(1), step(2)], done: [])
    #expect(schedule.next() == id(0) && schedule.next() == id(1))
    schedule.fail(Broken(number: 0))
    #expect(schedule.next() == nil && !schedule.isOver)
    schedule.fail(Broken(number: 1))
    #expect(schedule.isOver && (schedule.failure as? Broken)?.number == 0)
}

@Test("only the end of what a command wrote is kept, line by line")
func outputTail() {
    var tail = OutputTail()
    for number in 0..<5000 { tail.add(Array("line \(number)\n".utf8)) }
    #expect(tail.lines.count == 20 && tail.lines.last == "line 4999" && tail.lines.first == "line 4980")
}
