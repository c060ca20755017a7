import ArgumentParser
import Glibc
import Orchestrator

/// What commands that only look at a project share.
enum ProjectReading {
    /// Where Roost keeps things.
    static var roots: StateRoots {
        StateRoots(environment: ProcessContext.environment, isRoot: geteuid() == 0)
    }

    /// Runs `body`; an error goes to standard error, and ends the command with status 1.
    static func reporting<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as ExitCode { throw error } catch {
            ProcessContext.writeError("error: \(error)\n")
            throw ExitCode.failure
        }
    }

    /// Checks that the project has the services that are asked for.
    static func check(_ services: [String], in state: ProjectState) throws(UserError) {
        for name in services where !state.containers.contains(where: { $0.service == name }) {
            throw UserError("project \(state.project) has no service \"\(name)\"; `roost ps -a` shows what it has")
        }
    }
}

/// A request that can't be fulfilled as it was made.
struct UserError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
