import OCISpec
import Testing
import YAMLComposer

@testable import ImageBuilder

@Suite struct PlanMistakeTests {
    @Test("mistakes between stages are told with what was meant") func stageMistakes() throws {
        let text = """
            ARG BASE
            ARG PLAT=linux/amd65/x/y
            FROM $BASE AS build
            COPY --from=build a b
            COPY --from=final a b
            COPY --from=3 a b
            FROM --platform=$PLAT alpine AS other
            COPY --from=biuld a b
            RUN --mount=from=final,target=/x --mount=from=$X,target=/y --mount=target=/ x
            FROM alpine AS final
            FROM ${BASE:?which one} AS last
            """
        #expect(
            try planMistakes(text) { $0.target = "finall" } == #"""
                error: the file has no stage "finall" to build
                  hint: did you mean final?
                Dockerfile:3:6: warning: without arguments $BASE names no image (InvalidDefaultArgInFrom)
                    FROM $BASE AS build
                         ^
                Dockerfile:3:6: the name of the base image is empty: $BASE
                    FROM $BASE AS build
                         ^
                  hint: give BASE a value with --build-arg BASE=…
                Dockerfile:4:13: the stage build can't take files from itself
                    COPY --from=build a b
                                ^
                Dockerfile:5:13: the stage final begins only at line 10, after this one
                    COPY --from=final a b
                                ^
                  hint: a stage takes files only from those above it
                Dockerfile:6:13: there is no stage 3 to copy from: there is none before this one
                    COPY --from=3 a b
                                ^
                Dockerfile:7:17: "linux/amd65/x/y" is no platform such as linux/amd64
                    FROM --platform=$PLAT alpine AS other
                                    ^
                Dockerfile:8:13: warning: no stage is called biuld, so it is an image
                    COPY --from=biuld a b
                                ^
                  hint: did you mean build?
                Dockerfile:9:13: the stage final begins only at line 10, after this one
                    RUN --mount=from=final,target=/x --mount=from=$X,target=/y --mount=target=/ x
                                ^
                  hint: a stage takes files only from those above it
                Dockerfile:9:42: from takes no variables
                    RUN --mount=from=final,target=/x --mount=from=$X,target=/y --mount=target=/ x
                                                             ^
                  hint: name a stage in it: FROM $X AS source, and from=source
                Dockerfile:11:20: FROM is followed by IMAGE, or by IMAGE AS NAME
                    FROM ${BASE:?which one} AS last
                                       ^

                """#
        )
    }

    @Test("mistakes that only values show") func valueMistakes() throws {
        let text = """
            FROM scratch AS empty
            FROM alpine
            ARG M=9x P=http S=KILLED E= U=${
            COPY --chmod=$M a b
            COPY --from=empty a b
            COPY [a b
            EXPOSE $P
            STOPSIGNAL $S
            USER $E
            WORKDIR $E
            ENV $E=x
            RUN --mount=type=$M,target=/x --mount=type=tmpfs,target=/,size=$P x
            RUN --network=host x
            RUN --security=insecure x
            ADD --checksum=$S https://h/x /y
            RUN --mount=type=bind,from=empty,target=/x x
            LABEL a="unclosed
            COPY <<X /x
            ${A:?no A}
            X
            """
        #expect(
            try planMistakes(text) == #"""
                Dockerfile:3:31: a ${ has no }
                    ARG M=9x P=http S=KILLED E= U=${
                                                  ^
                Dockerfile:4:14: "9x" is no mode: write octal digits up to 7777, or changes such as u=rwX,go=rX
                    COPY --chmod=$M a b
                                 ^
                Dockerfile:5:13: empty has no files
                    COPY --from=empty a b
                                ^
                Dockerfile:6:6: "[a" is no pattern: a [ has no ]
                    COPY [a b
                         ^
                Dockerfile:7:8: "http" is no port: ports are numbers up to 65535
                    EXPOSE $P
                           ^
                Dockerfile:8:12: there is no signal "KILLED"
                    STOPSIGNAL $S
                               ^
                  hint: did you mean SIGKILL?
                Dockerfile:9:6: the user is empty: $E
                    USER $E
                         ^
                Dockerfile:10:9: the directory is empty: $E
                    WORKDIR $E
                            ^
                Dockerfile:11:5: the name is empty: $E
                    ENV $E=x
                        ^
                Dockerfile:12:13: there is no mount of the type "9x"
                    RUN --mount=type=$M,target=/x --mount=type=tmpfs,target=/,size=$P x
                                ^
                Dockerfile:13:1: RUN --network=host is not allowed in this build
                    RUN --network=host x
                    ^
                  hint: allow it: entitlements: [network.host], or --allow network.host
                Dockerfile:14:1: RUN --security=insecure is not allowed in this build
                    RUN --security=insecure x
                    ^
                  hint: allow it: entitlements: [security.insecure], or --allow security.insecure
                Dockerfile:15:16: "KILLED" is no checksum: write sha256: and 64 digits
                    ADD --checksum=$S https://h/x /y
                                   ^
                Dockerfile:16:23: empty has no files
                    RUN --mount=type=bind,from=empty,target=/x x
                                          ^
                Dockerfile:17:9: a " has no second one
                    LABEL a="unclosed
                            ^
                Dockerfile:19:1: the variable A needs a value: no A
                    ${A:?no A}
                    ^

                """#
        )
    }

    @Test("checks look at what is no mistake") func checks() throws {
        let text = """
            FROM alpine AS Build
            from --platform=$TARGETPLATFORM build as scratch
            ENV API_TOKEN=x PUBLIC_KEY=y
            ENV old form
            MAINTAINER me
            WORKDIR rel
            RUN echo $SHELL_VAR ${TARGTARCH}
            ARG TARGETARCH
            LABEL a=$TARGTARCH b=$BUILDARCH
            COPY ignored/file .
            CMD one
            # check=skip=JSONArgsRecommended
            CMD two
            EXPOSE 1.2.3.4:80:90
            FROM --platform=linux/arm64 alpine:$V AS Build
            FROM biuld AS last
            COPY --from=scratch a b
            """
        let all = try plan(text, { $0.platform = Platform(os: "linux", architecture: "amd64") }, ignoring: ["ignored"])
        #expect(
            DiagnosticRenderer().render(all.warnings) == #"""
                Dockerfile:1:16: warning: the stage's name Build has capitals (StageNameCasing)
                    FROM alpine AS Build
                                   ^
                Dockerfile:2:1: warning: from is written otherwise than most instructions of the file: FROM (ConsistentInstructionCasing)
                    from --platform=$TARGETPLATFORM build as scratch
                    ^
                Dockerfile:2:17: warning: the platform is $TARGETPLATFORM anyway (RedundantTargetPlatform)
                    from --platform=$TARGETPLATFORM build as scratch
                                    ^
                Dockerfile:2:42: warning: the name scratch has a meaning of its own (ReservedStageName)
                    from --platform=$TARGETPLATFORM build as scratch
                                                             ^
                Dockerfile:3:5: warning: what ENV API_TOKEN holds is readable in the image (SecretsUsedInArgOrEnv)
                    ENV API_TOKEN=x PUBLIC_KEY=y
                        ^
                  hint: RUN --mount=type=secret gives a command a secret that no image keeps
                Dockerfile:4:5: warning: ENV NAME value is the old form of ENV NAME=value (LegacyKeyValueFormat)
                    ENV old form
                        ^
                Dockerfile:5:1: warning: MAINTAINER gave way to LABEL org.opencontainers.image.authors=… (MaintainerDeprecated)
                    MAINTAINER me
                    ^
                Dockerfile:6:9: warning: where rel is depends on the base image (WorkdirRelativePath)
                    WORKDIR rel
                            ^
                Dockerfile:9:9: warning: the variable TARGTARCH is set nowhere before (UndefinedVar)
                    LABEL a=$TARGTARCH b=$BUILDARCH
                            ^
                  hint: did you mean $TARGETARCH?
                Dockerfile:9:22: warning: the variable BUILDARCH is set nowhere before (UndefinedVar)
                    LABEL a=$TARGTARCH b=$BUILDARCH
                                         ^
                  hint: a stage knows it only behind ARG BUILDARCH
                Dockerfile:10:6: warning: the ignore file leaves out ignored/file (CopyIgnoredFile)
                    COPY ignored/file .
                         ^
                Dockerfile:11:1: warning: this CMD does not count: another one follows in the stage, at line 13 (MultipleInstructionsDisallowed)
                    CMD one
                    ^
                Dockerfile:11:1: warning: a shell stands between CMD and signals (JSONArgsRecommended)
                    CMD one
                    ^
                  hint: write a list: CMD ["program", "argument"]
                Dockerfile:14:8: warning: EXPOSE names no address and no port of the host (ExposeInvalidFormat)
                    EXPOSE 1.2.3.4:80:90
                           ^
                Dockerfile:15:17: warning: the platform is always linux/arm64, whatever the build is for (FromPlatformFlagConstDisallowed)
                    FROM --platform=linux/arm64 alpine:$V AS Build
                                    ^
                Dockerfile:15:29: warning: the argument V is declared nowhere before (UndefinedArgInFrom)
                    FROM --platform=linux/arm64 alpine:$V AS Build
                                                ^
                  hint: declare it before the first FROM: ARG V=…
                Dockerfile:15:29: warning: without arguments alpine:$V names no image (InvalidDefaultArgInFrom)
                    FROM --platform=linux/arm64 alpine:$V AS Build
                                                ^
                Dockerfile:15:42: warning: the stage's name Build has capitals (StageNameCasing)
                    FROM --platform=linux/arm64 alpine:$V AS Build
                                                             ^
                Dockerfile:15:42: warning: another stage is called build too, and only this one is found by the name from here on (DuplicateStageName)
                    FROM --platform=linux/arm64 alpine:$V AS Build
                                                             ^
                Dockerfile:16:6: warning: no stage is called biuld, so it is an image
                    FROM biuld AS last
                         ^
                  hint: did you mean build?

                """#
        )
        #expect(try plan("# check=skip=all\n" + text, ignoring: ["ignored"]).warnings.count == 1)
        #expect(
            try planMistakes("# check=skip=FromAsCasing,StageNameCasng;error=true\nFROM a as b\nENV x y\nCMD [\"x\"]\n")
                == #"""
                Dockerfile:1:9: warning: there is no check "StageNameCasng", did you mean StageNameCasing?
                    # check=skip=FromAsCasing,StageNameCasng;error=true
                            ^
                Dockerfile:3:5: warning: ENV NAME value is the old form of ENV NAME=value (LegacyKeyValueFormat)
                    ENV x y
                        ^
                Dockerfile:3:5: a check found something, and the file says that this is a mistake: error=true
                    ENV x y
                        ^

                """#
        )
    }
}
