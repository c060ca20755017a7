/// How large a YAML text may be and become.
package struct YAMLLimits: Sendable {
    /// The size of the text in bytes.
    package var bytes = 16 << 20
    /// How deep collections nest.
    package var depth = 200
    /// How many nodes there are once aliases are replaced by what they stand for.
    package var nodes = 2_000_000

    /// The limits that fit any project file.
    package init() {}
}
