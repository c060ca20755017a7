/// Flags with a value, `--orphans=false`, as Docker Compose takes them.
enum BooleanArguments {
    /// The flags that are on unless they are turned off; they have a form `--no-…` here.
    private static let flags = ["--orphans"]

    /// The arguments with such flags in the form that the parser knows.
    static func normalised(_ arguments: [String]) -> [String] {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return arguments[..<end].map { argument in
            for flag in flags where argument.hasPrefix(flag + "=") {
                switch argument.dropFirst(flag.count + 1) {
                case "1", "t", "T", "true", "TRUE", "True": return flag
                case "0", "f", "F", "false", "FALSE", "False": return "--no-" + flag.dropFirst(2)
                default: return argument
                }
            }
            return argument
        } + arguments[end...]
    }
}
