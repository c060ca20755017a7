/// The values of an option that takes `KEY=VALUE` and may be given more than once; the last one of a key holds.
func pairs(_ texts: [String], _ option: String) throws -> [String: String] {
    var result: [String: String] = [:]
    for text in texts {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard !parts[0].isEmpty else { throw UserError("\(option) takes KEY=VALUE, not \"\(text)\"") }
        result[parts[0]] = parts.count == 2 ? parts[1] : ""
    }
    return result
}
