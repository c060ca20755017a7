/// The words that Compose takes for true and false where it wants a truth value.
package enum BooleanWord {
    /// The truth value of a text in a file.
    static func value(of text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "y", "yes", "on": true
        case "false", "n", "no", "off": false
        default: nil
        }
    }

    /// The truth value of a variable that configures Compose itself.
    package static func setting(_ text: String) -> Bool? {
        switch text.filter({ $0 != " " }).lowercased() {
        case "true", "1", "t": true
        case "false", "0", "f": false
        default: nil
        }
    }
}
