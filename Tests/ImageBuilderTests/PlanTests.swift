import OCISpec
import Testing
import YAMLComposer

@testable import ImageBuilder

@Suite struct PlanTests {
    @Test("only needed stages become steps, which wait for what they use") func graph() throws {
        let text = """
            ARG TAG=3
            FROM alpine:$TAG AS tools
            RUN apk add git
            FROM alpine:$TAG AS build
            ARG MODE=release
            WORKDIR /src
            COPY . .
            RUN --mount=type=cache,target=/root/.cache --mount=from=tools,source=/bin,target=/t make $MODE
            FROM debian AS unused
            RUN false
            FROM scratch
            COPY --from=build --chown=me /src/out /src/*.so /app/
            COPY --from=nginx:1 /etc/nginx.conf /app
            ENTRYPOINT ["/app/out"]
            """
        #expect(
            try dump(plan(text)) == #"""
                #0 line 2 [tools 1/2] <FROM alpine:3>
                #1 line 3 [tools 2/2] <RUN apk add git> on #0 after #0
                    exec [</bin/sh> <-c> <apk add git>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin in /
                #2 line 6 [build 1/3] <WORKDIR /src> on #0 after #0
                    mkdir /src
                #3 [context] <load the build context>
                #4 line 7 [build 2/3] <COPY . .> on #2 after #2 #3
                    take #3 <> withinParts
                    to /src into
                #5 line 8 [build 3/3] <RUN --mount=type=cache,target=/root/.cache --mount=from=tools,source=/bin,target=/t make release> on #4 after #4 #1
                    exec [</bin/sh> <-c> <make $MODE>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin MODE=release in /src
                    mount /root/.cache cache /root/.cache shared 755 0:0
                    mount /t bind #1 <bin> all
                #6 line 12 [stage-3 1/2] <COPY --from=build --chown=me /src/out /src/*.so /app/> after #5
                    take #5 <src/out> withinParts all
                    take #5 <src/*.so> withinParts all
                    to /app into owner me
                #7 [image] <FROM nginx:1>
                #8 line 13 [stage-3 2/2] <COPY --from=nginx:1 /etc/nginx.conf /app> on #6 after #6 #7
                    take #7 <etc/nginx.conf> withinParts all
                    to /app
                stage tools: filesystem #1 layers [#1]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  #1 <RUN /bin/sh -c apk add git>
                stage build: filesystem #5 layers [#2 #4 #5]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  directory /src
                  - <ARG MODE=release>
                  #2 <WORKDIR /src>
                  #4 <COPY . /src>
                  #5 <RUN |1 MODE=release /bin/sh -c make $MODE>
                stage stage-3: filesystem #8 layers [#6 #8]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  entrypoint [</app/out>]
                  #6 <COPY --chown=me src/out src/*.so /app>
                  #8 <COPY etc/nginx.conf /app>
                  - <ENTRYPOINT ["/app/out"]>
                """#
        )
    }

    @Test("images are asked for all at once, and what they leave may ask for more") func needs() throws {
        let text =
            "FROM b AS x\nFROM --platform=linux/arm64 a\nCOPY --from=x / /\nRUN --mount=from=c,target=/m x\nFROM d\n"
        var options = BuildOptions()
        options.platform = Platform(os: "linux", architecture: "amd64")
        options.target = "1"
        let planner = BuildPlanner(file(text), options: options)
        guard case .needs(let first) = planner.plan() else { throw TestFailure() }
        #expect(
            first.map { "\($0.image.reference) \($0.image.platform) \($0.mark.line):\($0.mark.column)" } == [
                "a linux/arm64 2:29", "b linux/amd64 1:6", "c linux/amd64 4:13",
            ]
        )
        var leaving = ImageConfiguration()
        leaving.config = ProcessDefaults()
        leaving.config?.onBuild = ["COPY --from=e /x /y", "RUN true"]
        let known = Dictionary(
            uniqueKeysWithValues: first.map {
                ($0.image, resolved($0.image, $0.image.reference == "a" ? leaving : nil))
            }
        )
        guard case .needs(let second) = planner.plan(known) else { throw TestFailure() }
        #expect(second.map { "\($0.image.reference) \($0.mark.line):\($0.mark.column)" } == ["e 2:29"])
    }

    @Test("names that other places have") func contexts() throws {
        let text = """
            FROM alpine:latest AS base
            FROM base AS dev
            RUN dev
            FROM tools AS final
            COPY --from=base /a /a
            COPY --from=src /b /b
            COPY --from=other /c /c
            """
        #expect(
            try dump(
                plan(text) {
                    $0.contexts = [
                        "alpine": .image("rootfs:/"), "dev": .image("replaced"), "tools": .target("dev"),
                        "src": .directory("/srv/src"),
                        "other": .git("https://h/r.git"),
                    ]
                }
            ) == #"""
                #0 line 2 [dev 1/1] <FROM replaced>
                #1 line 1 [base 1/1] <FROM rootfs:/>
                #2 line 5 [final 1/3] <COPY --from=base /a /a> on #0 after #0 #1
                    take #1 <a> withinParts all
                    to /a
                #3 [context] <load the context src>
                #4 line 6 [final 2/3] <COPY --from=src /b /b> on #2 after #2 #3
                    take #3 <b> withinParts
                    to /b
                #5 [context] <load the context other>
                #6 line 7 [final 3/3] <COPY --from=other /c /c> on #4 after #4 #5
                    take #5 <c> withinParts
                    to /c
                stage dev: filesystem #0 layers []
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                stage base: filesystem #1 layers []
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                stage final: filesystem #6 layers [#2 #4 #6]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  #2 <COPY a /a>
                  #4 <COPY b /b>
                  #6 <COPY c /c>
                """#
        )
        #expect(
            try planMistakes("FROM x\nCOPY --from=web /a /b\n") { $0.contexts = ["web": .other("service:web")] } == """
                Dockerfile:2:13: the context web is "service:web", which nothing here makes
                    COPY --from=web /a /b
                                ^

                """
        )
        #expect(
            try planMistakes("FROM x AS a\nFROM a AS b\nCOPY --from=a / /\nFROM b AS c\n") {
                $0.contexts = ["x": .target("c")]
            } == """
                Dockerfile:4:1: the stages c, b, a need one another
                    FROM b AS c
                    ^

                """
        )
    }

    @Test("the cache is passed by for all stages or for some") func cacheBypass() throws {
        let text = "FROM a AS one\nRUN x\nFROM a\nCOPY --from=one / /\nRUN y\n"
        func uncached(_ bypass: BuildOptions.CacheBypass) throws -> [String] {
            try plan(text) { $0.cacheBypass = bypass }.steps.filter { !$0.mayUseCache }.map(\.title)
        }
        #expect(try uncached(.nothing) == [])
        #expect(try uncached(.everything) == ["RUN x", "COPY --from=one / /", "RUN y"])
        #expect(try uncached(.stages(["ONE"])) == ["RUN x"])
        #expect(try uncached(.stages(["1"])) == ["COPY --from=one / /", "RUN y"])
    }
}
