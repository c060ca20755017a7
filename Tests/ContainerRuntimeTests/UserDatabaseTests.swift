import ContainerRuntime
import OCISpec
import Testing

@Suite("users of an image")
struct UserDatabaseTests {
    private let database = UserDatabase(
        passwd: """
            root:x:0:0:root:/root:/bin/sh
            broken line
            web:x:33:34:www:/srv/www:/bin/false
            1000:x:7:7::/odd:
            nowhere:x:50:50:::
            big:x:4294967296:0::/:
            """,
        group: """
            root:x:0:
            web:x:34:
            docker:x:40:web,root
            tape:x:41:web
            """
    )

    @Test(
        "are found by name and by number",
        arguments: [
            ("", "0:0 [40] /root"), ("0", "0:0 [40] /root"), ("root", "0:0 [40] /root"),
            ("web", "33:34 [40, 41] /srv/www"), ("33", "33:34 [40, 41] /srv/www"), ("web:tape", "33:41 [] /srv/www"),
            ("web:1", "33:1 [] /srv/www"), ("1", "1:0 [] /"), ("1:2", "1:2 [] /"), (":tape", "0:41 [] /root"),
            ("1000", "7:7 [] /odd"), ("nowhere", "50:50 [] /"), ("web:", "33:34 [40, 41] /srv/www"),
            ("2147483647", "2147483647:0 [] /"),
        ]
    )
    func found(text: String, expected: String) throws {
        let user = try database.resolve(text)
        #expect("\(user.user.uid):\(user.user.gid) \(user.user.additionalGids ?? []) \(user.home)" == expected)
    }

    @Test(
        "that are not there or no number are named",
        arguments: [
            ("nobody", "user: user \"nobody\" is not in the image's /etc/passwd"),
            ("web:none", "user: group \"none\" is not in the image's /etc/group"),
            ("-1", "user: user \"-1\" is not from 0 to 2147483647"),
            ("+1", "user: user \"+1\" is not from 0 to 2147483647"),
            ("4294967296", "user: user \"4294967296\" is not from 0 to 2147483647"),
            ("4294967295", "user: user \"4294967295\" is not from 0 to 2147483647"),
            ("0:99999999999999999999", "user: group \"99999999999999999999\" is not from 0 to 2147483647"),
            ("0x0", "user: user \"0x0\" is not in the image's /etc/passwd"),
            (" 0", "user: user \" 0\" is not in the image's /etc/passwd"),
            ("big", "user: user \"big\" is not in the image's /etc/passwd"),
            ("broken line", "user: user \"broken line\" is not in the image's /etc/passwd"),
        ]
    )
    func missing(text: String, expected: String) {
        let error = #expect(throws: ContainerError.self) { try database.resolve(text) }
        #expect(error?.description == expected)
    }

    @Test("get the groups that are added, by name or number and once")
    func added() throws {
        let user = try database.resolve("web", adding: ["tape", "99", "99"])
        #expect(user.user.additionalGids == [40, 41, 99])
    }
}
