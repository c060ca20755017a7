/// One thing that happened to a value between the place it was written at and the place where it is used.
package enum SourceStep: Sendable {
    /// Its file was taken in by an `include` at the mark.
    case included(SourceMark)
    /// It belongs to a service that another one extends, in an `extends` at the mark.
    case extended(service: String, by: String, SourceMark)
    /// It stands in a file that a service names for variables or labels, at the mark.
    case listed(SourceMark)
    /// Variables in its text were replaced.
    case interpolated(template: String, [SourceVariable])
    /// It took the place of an older value.
    case replaced(YAMLNode)
}

/// A variable that a text referred to, and where its value came from.
package struct SourceVariable: Sendable {
    /// Where a variable may have a value from.
    package enum Origin: Sendable {
        /// The variables of the process.
        case process
        /// A line of a file of variables.
        case line(SourceMark)
        /// The name of the project.
        case projectName
    }

    /// A value that a variable has somewhere.
    package struct Value: Sendable {
        /// The value.
        package var text: String
        /// Where it stands.
        package var origin: Origin

        /// A value from a place.
        package init(_ text: String, from origin: Origin) {
            self.text = text
            self.origin = origin
        }
    }

    /// What stood in for the variable.
    package enum Outcome: Sendable, Equatable {
        /// Its value.
        case value
        /// What the text has for when it is missing.
        case standIn(String)
        /// What the text has for when it is there.
        case alternate(String)
        /// Nothing, since it is not set.
        case nothing
    }

    /// The name.
    package var name: String
    /// What stood in for it.
    package var outcome: Outcome
    /// The values that it has, the one that counts first; none when it is not set.
    package var values: [Value]

    /// A use of the variable `name`.
    package init(_ name: String, _ outcome: Outcome, values: [Value]) {
        self.name = name
        self.outcome = outcome
        self.values = values
    }
}
