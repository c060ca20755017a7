import Testing
import YAMLComposer

@testable import ImageBuilder

@Suite struct ParserTests {
    @Test("every instruction is read with its fields and places") func instructions() {
        let text = """
            # syntax=docker/dockerfile:1
            # escape=\\
            # check=skip=JSONArgsRecommended
            ARG BASE=debian:12 OTHER
            FROM --platform=$BUILDPLATFORM ${BASE} AS build
            RUN --mount=type=cache,target=/c --mount=target=/src,rw --network=none make all
            RUN --security=insecure ["a", "b\\u0041\\n"]
            COPY --from=0 --chown=1:2 --chmod=u+x --link --exclude=*.o --exclude=*.a --parents a b/ /dst/
            ADD --checksum=sha256:x --keep-git-dir=true --unpack=false https://x/y.git /z
            ADD ["with blank", "to here"]
            ENV A=1 B="two words" C=x\\ y
            ARG V W=1
            LABEL org.x="a b" c='d'
            WORKDIR /a b
            USER me:us
            EXPOSE 80 443/udp 8000-8010 $P
            VOLUME ["/v 1", "/v2"]
            CMD ["x"]
            ENTRYPOINT exec top -b
            HEALTHCHECK --interval=5m --timeout=1.5s --retries=3 CMD curl -f x || exit 1
            STOPSIGNAL SIGTERM
            SHELL ["/bin/bash", "-c"]
            ONBUILD  RUN echo hi
            """
        #expect(
            parsed(text) == """
                # syntax=docker/dockerfile:1 @1:10
                # escape=\\ @2:10
                # check=skip=JSONArgsRecommended @3:9
                4:1-4 arg <BASE>@4:5=<debian:12>@4:10 <OTHER>@4:20
                5:1-5 from <${BASE}>@5:32 platform <$BUILDPLATFORM>@5:17 as <build>@5:43
                  6:1-6 run shell <make all> mount(type=<cache>@6:13 target=</c>@6:24) mount(target=</src>@6:42 rw@6:54) network none
                  7:1-7 run exec [<a> <bA⏎>] security insecure
                  8:1-8 copy <a>@8:84 <b/>@8:86 to </dst/>@8:89 owner <1:2>@8:23 mode <u+x>@8:35 link without <*.o>@8:56 without <*.a>@8:70 from <0>@8:13 parents
                  9:1-9 add <https://x/y.git>@9:60 to </z>@9:76 checksum <sha256:x>@9:16 git true unpack false
                  10:1-10 add <with blank>@10:6 to <to here>@10:20
                  11:1-11 env <A>@11:5=<1>@11:7 <B>@11:9=<"two words">@11:11 <C>@11:23=<x\\ y>@11:25
                  12:1-12 arg <V>@12:5 <W>@12:7=<1>@12:9
                  13:1-13 label <org.x>@13:7=<"a b">@13:13 <c>@13:19=<'d'>@13:21
                  14:1-14 workdir </a b>@14:9
                  15:1-15 user <me:us>@15:6
                  16:1-16 expose <80>@16:8 <443/udp>@16:11 <8000-8010>@16:19 <$P>@16:29
                  17:1-17 volume </v 1>@17:9 </v2>@17:17
                  18:1-18 cmd exec [<x>]
                  19:1-19 entrypoint shell <exec top -b>
                  20:1-20 healthcheck shell <curl -f x || exit 1> every 300000000000 at most 1500000000 after 0 then every 0 retries 3
                  21:1-21 stopsignal <SIGTERM>@21:12
                  22:1-22 shell [</bin/bash> <-c>]
                  23:1-23 onbuild <RUN echo hi>@23:10
                """
        )
    }

    @Test("lines are continued, with comments and empty lines between") func continuations() {
        let text = "FROM a\n# c\n   # d\nRUN one \\\n  # not this \\\n\n   two \\  \n\tthree\\\\\nRUN x \\\n# end"
        #expect(
            parsed(text) == """
                1:1-1 from <a>@1:6
                  4:1-8 run shell <one    two ⇥three\\\\>
                  9:1-9 run shell <x>
                Dockerfile:6:1: warning: an empty line stands within an instruction (NoEmptyContinuation)
                    
                    ^

                """
        )
    }

    @Test("a mark, Windows line ends and another escape character") func windows() {
        let text = "\u{FEFF}# escape = `\r\nFROM a`\r\n:b\r\nRUN dir c:\\`\r\n x\r\nCOPY a`\r\n b c\\\r\n"
        #expect(
            parsed(text) == """
                # escape=` @1:12
                2:1-3 from <a:b>@2:6
                  4:1-5 run shell <dir c:\\ x>
                  6:1-7 copy <a>@6:6 <b>@7:2 to <c\\>@7:4
                """
        )
    }

    @Test("texts stand below their instruction") func heredocs() {
        let text = """
            FROM a
            RUN <<EOF
            # kept
            FROM x \\
            EOF
            RUN cat <<-'A' 3<<B >x && \\
              cat << "C D"
            \ta $x
            \tA
            b
            B
            c
            C D
            COPY <<one.txt <<-"two" /d/
            1 $V
            one.txt
            \t2
            \ttwo
            RUN echo "<<EOF" '<<EOF' <<<x don't
            ONBUILD COPY <<x /x
            y
            x
            """
        #expect(
            parsed(text) == """
                1:1-1 from <a>@1:6
                  2:1-5 run shell <<<EOF> EOF$@3:1 <# kept⏎FROM x \\⏎>
                  6:1-13 run shell <cat <<-'A' 3<<B >x &&   cat << "C D"> A-@8:1 <⇥a $x⏎> B$@10:1 <b⏎> C D@12:1 <c⏎>
                  14:1-18 copy text one.txt$@15:1 <1 $V⏎> text two-@17:1 <⇥2⏎> to </d/>@14:25
                  19:1-19 run shell <echo "<<EOF" '<<EOF' <<<x don't>
                  20:1-22 onbuild <COPY <<x /x⏎y⏎x>@20:9
                """
        )
    }

    @Test("a list that is none is a command for the shell") func execForms() {
        #expect(
            parsed(
                "FROM a\nRUN [ -f x ]\nRUN [\"a\", 'b']\nCMD []\nRUN [\"a\"] && b\nRUN ['a']\nCMD { }\nENTRYPOINT [\"\\ud83d\\ude00\"]"
            )
                == """
                1:1-1 from <a>@1:6
                  2:1-2 run shell <[ -f x ]>
                  3:1-3 run shell <["a", 'b']>
                  4:1-4 cmd exec []
                  5:1-5 run shell <["a"] && b>
                  6:1-6 run shell <['a']>
                  7:1-7 cmd shell <{ }>
                  8:1-8 entrypoint exec [<\u{1F600}>]
                Dockerfile:4:1: warning: this CMD does not count: another one follows in the stage, at line 7 (MultipleInstructionsDisallowed)
                    CMD []
                    ^
                Dockerfile:6:5: warning: this is a command for the shell: a list has its texts in "", not in ''
                    RUN ['a']
                        ^

                """
        )
    }

    @Test("all mistakes of a file are told at once") func mistakesOfAFile() {
        let text = """
            RUN early
            FROM a AS 1x
            FORM b
            FROM --platfrom=x b
            COPY onlyone
            COPY --form=x --link=maybe a b
            RUN --mount=type=cahce,targte=/x,sharing=lockd --network=hots x
            RUN --mount=type=bind,uid=1,target=/x --mount=type=secret x
            ENV A
            ENV A=1 B
            EXPOSE 70000 80/tpc x
            HEALTHCHECK --interval=5 CMD x
            HEALTHCHECK curl
            STOPSIGNAL SIGTREM
            SHELL /bin/sh
            CMD ["a", 1]
            ONBUILD FROM x
            ONBUILD RNU x
            ADD --checksum=sha256:x a b
            COPY --chmod=9 a b
            COPY --from=$X a b
            COPY https://x/y .
            apt-get install
            WORKDIR
            RUN <<EOT
            endless
            """
        #expect(
            mistakes(text) == #"""
                Dockerfile:1:1: RUN stands before the first FROM
                    RUN early
                    ^
                  hint: only ARG may; a file begins with FROM, which says what the image is based on
                Dockerfile:2:11: "1x" is no name for a stage
                    FROM a AS 1x
                              ^
                  hint: a name begins with a letter and has letters, digits, -, _ and . only
                Dockerfile:3:1: there is no instruction "FORM"
                    FORM b
                    ^
                  hint: did you mean FROM?
                Dockerfile:4:6: FROM has no flag --platfrom
                    FROM --platfrom=x b
                         ^
                  hint: did you mean --platform?
                Dockerfile:5:6: COPY needs at least a source and a destination
                    COPY onlyone
                         ^
                Dockerfile:6:6: COPY has no flag --form
                    COPY --form=x --link=maybe a b
                         ^
                  hint: did you mean --from?
                Dockerfile:6:22: the flag --link is true or false, not "maybe"
                    COPY --form=x --link=maybe a b
                                         ^
                Dockerfile:7:13: there is no mount of the type "cahce"
                    RUN --mount=type=cahce,targte=/x,sharing=lockd --network=hots x
                                ^
                  hint: did you mean cache?
                Dockerfile:7:24: a mount has no option "targte"
                    RUN --mount=type=cahce,targte=/x,sharing=lockd --network=hots x
                                           ^
                  hint: did you mean target?
                Dockerfile:7:34: sharing is shared, private or locked, not "lockd"
                    RUN --mount=type=cahce,targte=/x,sharing=lockd --network=hots x
                                                     ^
                  hint: did you mean locked?
                Dockerfile:7:58: --network is default, none, host, not "hots"
                    RUN --mount=type=cahce,targte=/x,sharing=lockd --network=hots x
                                                                             ^
                  hint: did you mean host?
                Dockerfile:8:23: a mount of the type bind has no owner and no mode
                    RUN --mount=type=bind,uid=1,target=/x --mount=type=secret x
                                          ^
                Dockerfile:8:39: a secret needs an id or a target
                    RUN --mount=type=bind,uid=1,target=/x --mount=type=secret x
                                                          ^
                Dockerfile:9:5: ENV has a name and no value
                    ENV A
                        ^
                  hint: ENV A= gives it an empty one
                Dockerfile:10:9: "B" has no "="
                    ENV A=1 B
                            ^
                  hint: a value with blanks stands in quotes
                Dockerfile:11:8: "70000" is no port: ports are numbers up to 65535
                    EXPOSE 70000 80/tpc x
                           ^
                Dockerfile:11:14: "80/tpc" is no port: write 80, 80/udp or 8000-8010
                    EXPOSE 70000 80/tpc x
                                 ^
                  hint: the protocols are tcp, udp and sctp
                Dockerfile:11:21: "x" is no port: ports are numbers up to 65535
                    EXPOSE 70000 80/tpc x
                                        ^
                Dockerfile:12:24: --interval is a time of at least 1ms such as 30s or 1m30s, not "5"
                    HEALTHCHECK --interval=5 CMD x
                                           ^
                Dockerfile:13:13: HEALTHCHECK is followed by CMD and a command, or by NONE
                    HEALTHCHECK curl
                                ^
                Dockerfile:14:12: there is no signal "SIGTREM"
                    STOPSIGNAL SIGTREM
                               ^
                  hint: did you mean SIGTERM?
                Dockerfile:15:7: SHELL needs a list: SHELL ["/bin/bash", "-c"]
                    SHELL /bin/sh
                          ^
                Dockerfile:16:11: only texts may stand in the list of CMD
                    CMD ["a", 1]
                              ^
                Dockerfile:17:9: FROM can't stand behind ONBUILD
                    ONBUILD FROM x
                            ^
                Dockerfile:18:9: there is no instruction "RNU"
                    ONBUILD RNU x
                            ^
                  hint: did you mean RUN?
                Dockerfile:19:16: --checksum goes with an address, and the source is a path
                    ADD --checksum=sha256:x a b
                                   ^
                Dockerfile:20:14: "9" is no mode: write octal digits up to 7777, or changes such as u=rwX,go=rX
                    COPY --chmod=9 a b
                                 ^
                Dockerfile:21:13: --from takes no variables
                    COPY --from=$X a b
                                ^
                  hint: name a stage in it: FROM $X AS source, and --from=source
                Dockerfile:22:6: COPY takes no addresses
                    COPY https://x/y .
                         ^
                  hint: ADD does
                Dockerfile:23:1: there is no instruction "apt-get"
                    apt-get install
                    ^
                  hint: if it belongs to the line before, that one has to end with \
                Dockerfile:24:1: WORKDIR needs a directory
                    WORKDIR
                    ^
                Dockerfile:25:5: no line "EOT" ends this text
                    RUN <<EOT
                        ^

                """#
        )
    }
}
