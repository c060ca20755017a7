import Testing

extension Scenarios {
    @Suite struct Up {
        static let one = """
            services:
              one: { image: "rootfs:/", command: [sleep, infinity], init: true }
            """

        @Test("A project that is up is found by ps, and is gone after down")
        func upAndDown() throws {
            try Scenario.with(Self.one) { scenario in
                try scenario.roost("up", "-d")
                let ids = try scenario.roost("ps", "-q")
                #expect(ids.split(separator: "\n").count == 1)
                try scenario.roost("down")
                #expect(try scenario.roost("ps", "-aq").isEmpty)
            }
        }
    }
}
