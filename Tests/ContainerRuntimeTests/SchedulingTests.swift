import Foundation
import LinuxSystem
import OCISpec
import Testing

@testable import ContainerRuntime

@Suite("what a process is for the scheduler")
struct SchedulingTests {
    /// The steps that a process's JSON comes to, between its limits and its directory.
    private func steps(_ process: String, linux: String = "{}", isExec: Bool = false) throws -> [String] {
        let text = """
            {"ociVersion": "1.2.0", "root": {"path": "/"}, "linux": \(linux),
             "process": {"cwd": "/", "args": ["true"], \(process) "env": []}}
            """
        var spec = try RuntimeSpec(document: Array(text.utf8))
        spec.linux?.namespaces = [.init(type: "mount")]
        let plan = try isExec ? ContainerPlan(exec: spec, PlanInputs()) : ContainerPlan(spec, seccomp: nil)
        let words = ["scheduler", "io-priority", "processors", "personality", "memory-policy"]
        return plan.launch.description.split(separator: "\n").map(String.init)
            .filter { line in words.contains { line.hasPrefix($0) } }
    }

    @Test("policies and priorities")
    func policies() throws {
        #expect(
            try steps(#""scheduler": {"policy": "SCHED_BATCH", "nice": 5},"#) == [
                "scheduler batch nice 5  # process.scheduler"
            ]
        )
        let fifo = #""scheduler": {"policy": "SCHED_FIFO", "priority": 9, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},"#
        #expect(try steps(fifo) == ["scheduler fifo priority 9 flags 1  # process.scheduler"])
        let deadline = #""scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "period": 3},"#
        #expect(try steps(deadline) == ["scheduler deadline 1/2/3  # process.scheduler"])
        #expect(
            try steps(#""ioPriority": {"class": "IOPRIO_CLASS_IDLE"},"#) == ["io-priority idle 0  # process.ioPriority"]
        )
    }

    @Test("processors are for programs that join, memory and personality for all")
    func rest() throws {
        let affinity = #""execCPUAffinity": {"initial": "0", "final": "1-2,65"},"#
        #expect(try steps(affinity) == [])
        #expect(try steps(affinity, isExec: true) == ["processors 1,2,65  # process.execCPUAffinity.final"])
        let linux = """
            {"personality": {"domain": "LINUX32"},
             "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-1", "flags": ["MPOL_F_STATIC_NODES"]}}
            """
        #expect(
            try steps("", linux: linux) == [
                "memory-policy bind nodes 0,1 flags 32768  # linux.memoryPolicy", "personality 8  # linux.personality",
            ]
        )
    }

    @Test(
        "what can't be is refused by its place",
        arguments: [
            (
                #""scheduler": {"policy": "SCHED_FAIR"},"#,
                "process.scheduler.policy: 'SCHED_FAIR' is not a policy of sched(7)"
            ),
            (
                #""scheduler": {"policy": "SCHED_OTHER", "nice": 20},"#,
                "process.scheduler.nice: 20 is not from -20 to 19"
            ),
            (
                #""scheduler": {"policy": "SCHED_OTHER", "priority": 1},"#,
                "process.scheduler.priority: scheduling priority is for SCHED_FIFO and SCHED_RR alone"
            ),
            (
                #""scheduler": {"policy": "SCHED_DEADLINE", "runtime": 3, "deadline": 2},"#,
                "process.scheduler: SCHED_DEADLINE needs a runtime above 0, up to deadline, and that up to period"
            ),
            (
                #""execCPUAffinity": {"final": "3-1"},"#,
                "process.execCPUAffinity.final: '3-1' is not a list of processors like 0-3,7"
            ),
        ]
    )
    func mistakes(_ process: String, _ message: String) {
        let error = #expect(throws: ContainerError.self) { try steps(process) }
        #expect(error?.description == message)
    }
}
