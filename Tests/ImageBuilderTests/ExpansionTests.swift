import Testing

@testable import ImageBuilder

@Suite struct ExpansionTests {
    private static let variables = [
        "HOME": "/root", "EMPTY": "", "FILE": "src/lib/a.tar.gz", "STAR": "a*b*", "BLANKS": " one  two ", "PAT": "*/",
    ]

    private func expanded(_ text: String, escape: Unicode.Scalar = "\\") -> String {
        var expansion = Expansion(escape: escape) { Self.variables[$0] }
        do throws(Expansion.Failure) { return try expansion.word(text) } catch {
            return "\(error.offset): \(error.message)"
        }
    }

    @Test(
        "a word becomes",
        arguments: [
            ("plain", "plain"), ("$HOME/x", "/root/x"), ("${HOME}x", "/rootx"), ("a$EMPTY.b$NONE.c", "a.b.c"),
            ("\\$HOME", "$HOME"), ("\\\\$HOME", "\\/root"), ("'$HOME'", "$HOME"), ("\"$HOME\"", "/root"),
            ("\"a\\$HOME\\n\\\"\"", "a$HOME\\n\""), ("a\\tb", "atb"), ("'it'\"'\"'s'", "it's"), ("end\\", "end"),
            ("$", "$"), ("$.", "$."), ("$1x$@y$$", "xy"), ("${1:-one}", "one"), ("<<EOF", "<<EOF"),
            // Stand-ins.
            ("${NONE-w}|${EMPTY-w}|${HOME-w}", "w||/root"), ("${NONE:-w}|${EMPTY:-w}|${HOME:-w}", "w|w|/root"),
            ("${NONE+w}|${EMPTY+w}|${HOME+w}", "|w|w"), ("${NONE:+w}|${EMPTY:+w}|${HOME:+w}", "||w"),
            ("${NONE:-${EMPTY:-${HOME}}}", "/root"), ("${NONE:-\"a }b\"}", "a }b"), ("${NONE:-a\\}b}", "a}b"),
            ("${NONE:-a {b}", "a {b"), ("${HOME:?must}", "/root"), ("${EMPTY?must}", ""),
            // Patterns.
            ("${FILE#*/}", "lib/a.tar.gz"), ("${FILE##*/}", "a.tar.gz"), ("${FILE%.*}", "src/lib/a.tar"),
            ("${FILE%%.*}", "src/lib/a"), ("${FILE#x}", "src/lib/a.tar.gz"), ("${FILE%?gz}", "src/lib/a.tar"),
            ("${STAR#a\\*}", "b*"), ("${STAR%%\\**}", "a"), ("${FILE#$PAT}", "lib/a.tar.gz"),
            ("${FILE#}", "src/lib/a.tar.gz"),
            ("${FILE/\\//:}", "src:lib/a.tar.gz"), ("${FILE//\\//:}", "src:lib:a.tar.gz"),
            ("${FILE//a/}", "src/lib/.tr.gz"),
            ("${FILE/l*a/X}", "src/Xr.gz"), ("${FILE//?/.}", "................"), ("${STAR/\\*/$HOME}", "a/rootb*"),
            ("${EMPTY//a/b}", ""), ("${NONE//a/b}", ""), ("${HOME//t/$}", "/roo$"), ("${HOME///}", "/root"),
        ]
    ) func words(text: String, wanted: String) { #expect(expanded(text) == wanted) }

    @Test(
        "a word that can't be replaced says where",
        arguments: [
            ("a'b", "1: a ' has no second one"), ("a\"b", "1: a \" has no second one"), ("x${HOME", "1: a ${ has no }"),
            ("${}", "0: a ${ names no variable"), ("${:-a}", "0: a ${ names no variable"),
            ("${.}", "0: a ${ names no variable"), ("${HOME=a}", "0: ${HOME= is no substitution"),
            ("${HOME:#a}", "0: ${HOME:# is no substitution"), ("${HOME:=a}", "0: ${HOME:= is no substitution"),
            ("${NONE?}", "0: the variable NONE needs a value"),
            ("${EMPTY:?set it}", "0: the variable EMPTY needs a value: set it"),
            ("${HOME/a}", "7: a ${ has no /"), ("${HOME#a\\b}", "0: \"a\\b\" is no pattern: \\b is no escape"),
        ]
    ) func failures(text: String, wanted: String) { #expect(expanded(text) == wanted) }

    @Test("the other escape character") func backtick() {
        #expect(expanded("c:\\dir`$x`` $HOME", escape: "`") == "c:\\dir$x` /root")
    }

    @Test("values are split into words, quoted ones are not") func splitting() throws {
        var expansion = Expansion(escape: "\\") { Self.variables[$0] }
        #expect(try expansion.words("a$BLANKS\"$BLANKS\"b c\\ d") == ["a", "one", "two", " one  two b", "c d"])
        #expect(try expansion.words("$NONE") == [])
        #expect(expansion.used == ["BLANKS"])
        #expect(expansion.missing == ["NONE"])
    }

    @Test("what has no value may stay, and quotes too") func kept() throws {
        var expansion = Expansion(escape: "\\", quoting: .kept, keepsUnset: true) { Self.variables[$0] }
        #expect(
            try expansion.word("echo \"$HOME '$X'\" ${X:-y} '$HOME' ${X}") == "echo \"/root '$X'\" ${X:-y} '$HOME' ${X}"
        )
    }

    @Test("quotes are characters in the text of a heredoc") func heredoc() throws {
        var expansion = Expansion(escape: "\\", quoting: .ignored) { Self.variables[$0] }
        #expect(try expansion.word("it's \"$HOME\" \\$HOME\n") == "it's \"/root\" $HOME\n")
    }

    @Test("hostile words end soon") func hostile() {
        let long = String(repeating: "a", count: 200_000)
        var expansion = Expansion(escape: "\\") { $0 == "L" ? long : nil }
        #expect(throws: Expansion.Failure.self) { try expansion.word(String(repeating: "${L}", count: 100)) }
        #expect(throws: Expansion.Failure.self) { try expansion.word(String(repeating: "${X:-", count: 1000)) }
        #expect(throws: Expansion.Failure.self) { try expansion.word("${L//a/$L}") }
        #expect(throws: Expansion.Failure.self) { try expansion.word("${L#\(String(repeating: "?", count: 1000))}") }
    }

    @Test("modes change as chmod changes them") func modes() {
        func changed(_ text: String, _ mode: UInt32, isDirectory: Bool = false) -> String {
            ModeChange(text).map { String($0.applied(to: mode, isDirectory: isDirectory), radix: 8) } ?? "none"
        }
        #expect(changed("755", 0o600) == "755")
        #expect(changed("4755", 0o600) == "4755")
        #expect(changed("u+x", 0o644) == "744")
        #expect(changed("a=rX", 0o600) == "444")
        #expect(changed("a=rX", 0o700) == "555")
        #expect(changed("u=rwX,go=rX", 0o600, isDirectory: true) == "755")
        #expect(changed("go-w+x", 0o666) == "655")
        #expect(changed("g=u", 0o640) == "660")
        #expect(changed("ug+s,+t", 0o755) == "7755")
        #expect(changed("u=rw", 0o4755) == "655")
        #expect(changed("u=rw", 0o4755, isDirectory: true) == "4655")
        for text in ["", "8", "10000", "u", "u~x", "u+q", "u+x,", "0x1"] {
            #expect(changed(text, 0) == "none", "\(text)")
        }
    }
}
