/// The words that Compose takes for true and false where it wants a truth value.
enum BooleanWord {
    /// The truth value of `text`.
    static func value(of text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "1", "t", "y", "yes", "on": true
        case "false", "0", "f", "n", "no", "off": false
        default: nil
        }
    }
}
