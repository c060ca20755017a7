import OCISpec
import Testing
import YAMLComposer

@testable import ImageBuilder

@Suite struct StageTests {
    @Test("variables have their scopes") func scopes() throws {
        let text = """
            ARG VERSION=1
            ARG NAME=app-$VERSION
            FROM base AS one
            RUN a $VERSION
            ARG VERSION
            ARG EXTRA=${NAME:-x}/$VERSION
            ENV PLACE=/opt/$VERSION EARLY=$PLACE
            ARG UNSET
            RUN b
            FROM one AS two
            ENV VERSION=env
            RUN c ${UNSET}
            ARG VERSION
            ARG TARGETARCH
            LABEL v=$VERSION arch=$TARGETARCH plat=$TARGETPLATFORM
            RUN d
            """
        #expect(
            try dump(
                plan(text) {
                    $0.arguments = ["VERSION": "7", "http_proxy": "http://p:1", "NO_PROXY": "x", "VERSOIN": "8"]
                }
            ) == #"""
                #0 line 3 [one 1/3] <FROM base>
                #1 line 4 [one 2/3] <RUN a $VERSION> on #0 after #0
                    exec [</bin/sh> <-c> <a $VERSION>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin in /
                    unkeyed NO_PROXY=x no_proxy=x HTTP_PROXY=http://p:1 http_proxy=http://p:1
                #2 line 9 [one 3/3] <RUN b> on #1 after #1
                    exec [</bin/sh> <-c> <b>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin VERSION=7 EXTRA=x/7 PLACE=/opt/7 EARLY= in /
                    unkeyed NO_PROXY=x no_proxy=x HTTP_PROXY=http://p:1 http_proxy=http://p:1
                #3 line 12 [two 1/2] <RUN c ${UNSET}> on #2 after #2
                    exec [</bin/sh> <-c> <c ${UNSET}>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin VERSION=env EXTRA=x/7 PLACE=/opt/7 EARLY= in /
                    unkeyed NO_PROXY=x no_proxy=x HTTP_PROXY=http://p:1 http_proxy=http://p:1
                #4 line 16 [two 2/2] <RUN d> on #3 after #3
                    exec [</bin/sh> <-c> <d>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin VERSION=7 EXTRA=x/7 PLACE=/opt/7 EARLY= TARGETARCH=amd64 in /
                    unkeyed NO_PROXY=x no_proxy=x HTTP_PROXY=http://p:1 http_proxy=http://p:1
                stage one: filesystem #2 layers [#1 #2]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PLACE=/opt/7 EARLY=
                  #1 <RUN /bin/sh -c a $VERSION>
                  - <ARG VERSION=7>
                  - <ARG EXTRA=x/7>
                  - <ENV PLACE=/opt/7 EARLY=>
                  - <ARG UNSET>
                  #2 <RUN |2 VERSION=7 EXTRA=x/7 /bin/sh -c b>
                stage two: filesystem #4 layers [#1 #2 #3 #4]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PLACE=/opt/7 EARLY= VERSION=env
                  labels arch=amd64 plat= v=7
                  #1 <RUN /bin/sh -c a $VERSION>
                  - <ARG VERSION=7>
                  - <ARG EXTRA=x/7>
                  - <ENV PLACE=/opt/7 EARLY=>
                  - <ARG UNSET>
                  #2 <RUN |2 VERSION=7 EXTRA=x/7 /bin/sh -c b>
                  - <ENV VERSION=env>
                  #3 <RUN |2 VERSION=env EXTRA=x/7 /bin/sh -c c ${UNSET}>
                  - <ARG VERSION=7>
                  - <ARG TARGETARCH=amd64>
                  - <LABEL v=7 arch=amd64 plat=>
                  #4 <RUN |3 VERSION=7 EXTRA=x/7 TARGETARCH=amd64 /bin/sh -c d>
                warning: no ARG declares the build argument VERSOIN
                  hint: did you mean VERSION?
                Dockerfile:7:31: warning: the variable PLACE is set nowhere before (UndefinedVar)
                    ENV PLACE=/opt/$VERSION EARLY=$PLACE
                                                  ^
                Dockerfile:15:40: warning: the variable TARGETPLATFORM is set nowhere before (UndefinedVar)
                    LABEL v=$VERSION arch=$TARGETARCH plat=$TARGETPLATFORM
                                                           ^
                  hint: a stage knows it only behind ARG TARGETPLATFORM

                """#
        )
    }

    @Test("instructions change how the image runs") func configuration() throws {
        var base = ImageConfiguration()
        base.os = "linux"
        base.architecture = "amd64"
        base.config = ProcessDefaults()
        base.config?.environment = ["PATH=/bin", "A=old"]
        base.config?.command = ["base"]
        base.config?.workingDirectory = "/home"
        base.config?.labels = ["keep": "1"]
        let text = """
            FROM base
            MAINTAINER someone
            ENV A=new B="x y"
            ENV C spaced  out
            LABEL l=$A
            USER $A:staff
            WORKDIR rel
            WORKDIR /
            EXPOSE 80 9000-9002/UDP $B
            VOLUME /v $A
            STOPSIGNAL 9
            SHELL ["/bin/bash", "-c"]
            HEALTHCHECK --interval=10s --retries=2 CMD ["ok", "$A"]
            ENTRYPOINT run $A
            CMD ["x", "$A"]
            ONBUILD RUN later
            """
        #expect(
            try dump(
                plan(
                    text.replacing(" $B\n", with: " 1/tcp\n"),
                    { $0.labels = ["l": "over", "m": "2"] },
                    images: ["base": base]
                )
            ) == #"""
                #0 line 1 [1/2] <FROM base>
                #1 line 7 [2/2] <WORKDIR /home/rel> on #0 after #0
                    mkdir /home/rel as new:staff
                stage stage-0: filesystem #1 layers [#1]
                  platform linux/amd64
                  author someone
                  env PATH=/bin A=new B=x y C=spaced  out
                  user new:staff
                  directory /
                  entrypoint [</bin/bash> <-c> <run $A>]
                  command [<x> <$A>]
                  shell [</bin/bash> <-c>]
                  labels keep=1 l=over m=2
                  ports 1/tcp 80/tcp 9000/udp 9001/udp 9002/udp
                  volumes /v new
                  stop 9
                  onbuild [<RUN later>]
                  health [<CMD> <ok> <$A>] 10000000000 0 2
                  - <MAINTAINER someone>
                  - <ENV A=new B=x y>
                  - <ENV C=spaced  out>
                  - <LABEL l=new>
                  - <USER new:staff>
                  #1 <WORKDIR /home/rel>
                  - <WORKDIR />
                  - <EXPOSE 80/tcp 9000/udp 9001/udp 9002/udp 1/tcp>
                  - <VOLUME ["/v", "new"]>
                  - <STOPSIGNAL 9>
                  - <SHELL ["/bin/bash", "-c"]>
                  - <HEALTHCHECK ["CMD", "ok", "$A"]>
                  - <ENTRYPOINT ["/bin/bash", "-c", "run $A"]>
                  - <CMD ["x", "$A"]>
                  - <ONBUILD RUN later>
                Dockerfile:2:1: warning: MAINTAINER gave way to LABEL org.opencontainers.image.authors=… (MaintainerDeprecated)
                    MAINTAINER someone
                    ^
                Dockerfile:4:5: warning: ENV NAME value is the old form of ENV NAME=value (LegacyKeyValueFormat)
                    ENV C spaced  out
                        ^
                Dockerfile:7:9: warning: where rel is depends on the base image (WorkdirRelativePath)
                    WORKDIR rel
                            ^
                Dockerfile:9:11: warning: the protocol UDP has capitals (ExposeProtoCasing)
                    EXPOSE 80 9000-9002/UDP 1/tcp
                              ^

                """#
        )
        #expect(
            try plan("FROM base\nENTRYPOINT [\"e\"]", images: ["base": base]).target.configuration.config?.command
                == nil
        )
    }

    @Test("a stage does first what its base leaves to it") func triggers() throws {
        var base = ImageConfiguration()
        base.config = ProcessDefaults()
        base.config?.onBuild = ["ARG V=2", "COPY <<EOF /t\nversion $V\nEOF", "RUN [\"go\"]"]
        let text = "FROM base AS one\nONBUILD RUN own\nFROM one\nRUN last\n"
        #expect(
            try dump(plan(text, images: ["base": base])) == #"""
                #0 line 1 [one 1/3] <FROM base>
                #1 [context] <load the build context>
                #2 line 1 [one 2/3] <ONBUILD COPY <<EOF /t> on #0 after #0
                    take EOF <version 2⏎>
                    to /t
                #3 line 1 [one 3/3] <ONBUILD RUN ["go"]> on #2 after #2
                    exec [<go>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin V=2 in /
                #4 line 3 [stage-1 1/2] <ONBUILD RUN own> on #3 after #3
                    exec [</bin/sh> <-c> <own>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin V=2 in /
                #5 line 4 [stage-1 2/2] <RUN last> on #4 after #4
                    exec [</bin/sh> <-c> <last>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin V=2 in /
                stage one: filesystem #3 layers [#2 #3]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  onbuild [<RUN own>]
                  - <ARG V=2>
                  #2 <COPY <<EOF /t>
                  #3 <RUN |1 V=2 go>
                  - <ONBUILD RUN own>
                stage stage-1: filesystem #5 layers [#2 #3 #4 #5]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  - <ARG V=2>
                  #2 <COPY <<EOF /t>
                  #3 <RUN |1 V=2 go>
                  - <ONBUILD RUN own>
                  #4 <RUN |1 V=2 /bin/sh -c own>
                  #5 <RUN |1 V=2 /bin/sh -c last>
                """#
        )
        base.config?.onBuild = ["RUN --mount=type=x y", "FROM z", "COPY --from=later a b", "USER ${", ""]
        #expect(
            try planMistakes("FROM base\nFROM x AS later\n", { $0.target = "0" }, images: ["base": base]) == #"""
                Dockerfile:1:6: there is no mount of the type "x", in what the base leaves to its users: ONBUILD RUN --mount=type=x y
                    FROM base
                         ^
                Dockerfile:1:6: FROM can't stand behind ONBUILD, in what the base leaves to its users: ONBUILD FROM z
                    FROM base
                         ^
                Dockerfile:1:6: the stage later begins only at line 2, after this one, in what the base leaves to its users: ONBUILD COPY --from=later a b
                    FROM base
                         ^
                  hint: a stage takes files only from those above it

                """#
        )
    }

    @Test("commands run by the shell, as lists, as texts and as programs") func commands() throws {
        let text = """
            FROM scratch
            ARG N=n1
            RUN echo $N "a b"
            RUN ["echo", "$N"]
            RUN <<EOF
            one $N
            two
            EOF
            RUN <<-../x
            \t#!/usr/bin/env python3
            \tprint(1)
            \t../x
            RUN cat <<A && cat <<-B
            a
            A
            \tb
            B
            SHELL ["bash", "-c"]
            RUN x
            """
        #expect(
            try dump(plan(text)) == #"""
                #0 line 3 [1/6] <RUN echo n1 "a b">
                    exec [</bin/sh> <-c> <echo $N "a b">]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin N=n1 in /
                #1 line 4 [2/6] <RUN ["echo", "n1"]> on #0 after #0
                    exec [<echo> <$N>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin N=n1 in /
                #2 line 5 [3/6] <RUN <<EOF (one $N…)> on #1 after #1
                    exec [</bin/sh> <-c> <one $N⏎two⏎>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin N=n1 in /
                #3 line 9 [4/6] <RUN <<-../x (#!/usr/bin/env python3…)> on #2 after #2
                    exec [</dev/pipes/x>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin N=n1 in /
                    script /dev/pipes/x <#!/usr/bin/env python3⏎print(1)⏎>
                #4 line 13 [5/6] <RUN cat <<A && cat <<-B (a)> on #3 after #3
                    exec [</bin/sh> <-c> <cat <<A && cat <<-B⏎a⏎A⏎⇥b⏎B>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin N=n1 in /
                #5 line 19 [6/6] <RUN x> on #4 after #4
                    exec [<bash> <-c> <x>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin N=n1 in /
                stage stage-0: filesystem #5 layers [#0 #1 #2 #3 #4 #5]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  shell [<bash> <-c>]
                  - <ARG N=n1>
                  #0 <RUN |1 N=n1 /bin/sh -c echo $N "a b">
                  #1 <RUN |1 N=n1 echo $N>
                  #2 <RUN |1 N=n1 /bin/sh -c one $N⏎two⏎>
                  #3 <RUN |1 N=n1 /dev/pipes/x>
                  #4 <RUN |1 N=n1 /bin/sh -c cat <<A && cat <<-B⏎a⏎A⏎⇥b⏎B>
                  - <SHELL ["bash", "-c"]>
                  #5 <RUN |1 N=n1 bash -c x>
                """#
        )
    }

    @Test("mounts of all kinds") func mounts() throws {
        let text = """
            FROM alpine AS s
            FROM alpine
            ARG T=/var ID=secret-id
            WORKDIR /w
            RUN --mount=target=. --mount=type=bind,from=s,source=../../etc,dst=$T/x,rw x
            RUN --mount=type=cache,target=cache --mount=type=cache,id=$ID,dst=/c,sharing=LOCKED,from=s,source=/seed,uid=5,gid=6,mode=0700,ro x
            RUN --mount=type=tmpfs,target=/t,size=64m --mount=type=secret,id=$ID,required --mount=type=secret,target=/s/key,mode=0444 x
            RUN --mount=type=secret,id=tok,env=TOKEN --mount=type=ssh --mount=type=ssh,id=gh,required=true,target=/sock x
            RUN --mount=type=cache,from=scratch,target=/e x
            """
        #expect(
            try dump(plan(text)) == #"""
                #0 line 1 [s 1/1] <FROM alpine>
                #1 line 4 [stage-1 1/6] <WORKDIR /w> on #0 after #0
                    mkdir /w
                #2 [context] <load the build context>
                #3 line 5 [stage-1 2/6] <RUN --mount=target=. --mount=type=bind,from=s,source=../../etc,dst=/var/x,rw x> on #1 after #1 #2 #0
                    exec [</bin/sh> <-c> <x>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin T=/var ID=secret-id in /w
                    mount /w bind #2 <>
                    mount /var/x bind #0 <etc> writable all
                #4 line 6 [stage-1 3/6] <RUN --mount=type=cache,target=cache --mount=type=cache,id=secret-id,dst=/c,sharing=LOCKED,from=s,source=/seed,uid=5,gid=6,mode=0700,ro x> on #3 after #3 #0
                    exec [</bin/sh> <-c> <x>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin T=/var ID=secret-id in /w
                    mount /w/cache cache cache shared 755 0:0
                    mount /c cache secret-id locked read-only 700 5:6 from #0 <seed>
                #5 line 7 [stage-1 4/6] <RUN --mount=type=tmpfs,target=/t,size=64m --mount=type=secret,id=secret-id,required --mount=type=secret,target=/s/key,mode=0444 x> on #4 after #4
                    exec [</bin/sh> <-c> <x>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin T=/var ID=secret-id in /w
                    mount /t tmpfs 67108864
                    mount /run/secrets/secret-id secret secret-id required 400 0:0
                    mount /s/key secret key 444 0:0
                #6 line 8 [stage-1 5/6] <RUN --mount=type=secret,id=tok,env=TOKEN --mount=type=ssh --mount=type=ssh,id=gh,required=true,target=/sock x> on #5 after #5
                    exec [</bin/sh> <-c> <x>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin T=/var ID=secret-id in /w
                    mount nowhere secret tok as $TOKEN 400 0:0
                    mount /run/buildkit/ssh_agent.1 ssh default 600
                    mount /sock ssh gh required 600
                #7 line 9 [stage-1 6/6] <RUN --mount=type=cache,from=scratch,target=/e x> on #6 after #6
                    exec [</bin/sh> <-c> <x>]
                    env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin T=/var ID=secret-id in /w
                    mount /e cache /e shared 755 0:0
                stage s: filesystem #0 layers []
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                stage stage-1: filesystem #7 layers [#1 #3 #4 #5 #6 #7]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  directory /w
                  - <ARG T=/var>
                  - <ARG ID=secret-id>
                  #1 <WORKDIR /w>
                  #3 <RUN |2 T=/var ID=secret-id /bin/sh -c x>
                  #4 <RUN |2 T=/var ID=secret-id /bin/sh -c x>
                  #5 <RUN |2 T=/var ID=secret-id /bin/sh -c x>
                  #6 <RUN |2 T=/var ID=secret-id /bin/sh -c x>
                  #7 <RUN |2 T=/var ID=secret-id /bin/sh -c x>
                """#
        )
    }

    @Test("files come from everywhere") func files() throws {
        let text = """
            FROM alpine AS s
            FROM alpine
            ARG D=dst NAME=world
            WORKDIR /w
            COPY ../a ./b/ /abs/*.c $D/
            COPY --from=0 / .
            COPY --parents a/./b/**/c.txt ./x/y /p
            COPY --link --chown=5:6 --chmod=0644 --exclude=**/*.tmp src one
            COPY <<one.txt <<"two" /etc/
            hello $NAME, \\$NAME "${NAME}"
            one.txt
            hello $NAME
            two
            ADD a.tar.gz --odd /data
            ADD --unpack=false a.tar /data/
            ADD --checksum=sha256:1111111111111111111111111111111111111111111111111111111111111111 https://h/x.tgz /d/
            ADD --keep-git-dir=true https://h/o/r.git#v1:sub git@h:o/r /src/
            COPY ["with blank", "."]
            """
        #expect(
            try dump(plan(text.replacing(" --odd", with: " odd"), ignoring: ["b"])) == #"""
                #0 line 1 [s 1/1] <FROM alpine>
                #1 line 4 [stage-1  1/11] <WORKDIR /w> on #0 after #0
                    mkdir /w
                #2 [context] <load the build context>
                #3 line 5 [stage-1  2/11] <COPY ../a ./b/ /abs/*.c dst/> on #1 after #1 #2
                    take #2 <a> withinParts
                    take #2 <b> withinParts
                    take #2 <abs/*.c> withinParts
                    to /w/dst into
                #4 line 6 [stage-1  3/11] <COPY --from=0 / .> on #3 after #3 #0
                    take #0 <> withinParts all
                    to /w into
                #5 line 7 [stage-1  4/11] <COPY --parents a/./b/**/c.txt ./x/y /p> on #4 after #4 #2
                    take #2 <a / b/**/c.txt> acrossParts
                    take #2 <x/y> acrossParts
                    to /p into parents
                #6 line 8 [stage-1  5/11] <COPY --link --chown=5:6 --chmod=0644 --exclude=**/*.tmp src one> on #5 after #5 #2
                    take #2 <src> withinParts without **/*.tmp
                    to /w/one owner 5:6 mode 644 link
                #7 line 9 [stage-1  6/11] <COPY <<one.txt <<"two" /etc/> on #6 after #6
                    take one.txt <hello world, $NAME "world"⏎>
                    take two <hello $NAME⏎>
                    to /etc into
                #8 line 14 [stage-1  7/11] <ADD a.tar.gz odd /data> on #7 after #7 #2
                    take #2 <a.tar.gz> withinParts
                    take #2 <odd> withinParts
                    to /data into unpack local
                #9 line 15 [stage-1  8/11] <ADD --unpack=false a.tar /data/> on #8 after #8 #2
                    take #2 <a.tar> withinParts
                    to /data into
                #10 line 16 [stage-1  9/11] <ADD --checksum=sha256:1111111111111111111111111111111111111111111111111111111111111111 https://h/x.tgz /d/> on #9 after #9
                    take https://h/x.tgz sha256:1111111111111111111111111111111111111111111111111111111111111111
                    to /d into unpack local
                #11 line 17 [stage-1 10/11] <ADD --keep-git-dir=true https://h/o/r.git#v1:sub git@h:o/r /src/> on #10 after #10
                    take git https://h/o/r.git#v1:sub any with .git
                    take git git@h:o/r any with .git
                    to /src into unpack local
                #12 line 18 [stage-1 11/11] <COPY ["with blank", "."]> on #11 after #11 #2
                    take #2 <with blank> withinParts
                    to /w into
                stage s: filesystem #0 layers []
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                stage stage-1: filesystem #12 layers [#1 #3 #4 #5 #6 #7 #8 #9 #10 #11 #12]
                  platform linux/amd64
                  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                  directory /w
                  - <ARG D=dst>
                  - <ARG NAME=world>
                  #1 <WORKDIR /w>
                  #3 <COPY a b abs/*.c /w/dst>
                  #4 <COPY . /w>
                  #5 <COPY --parents a/b/**/c.txt x/y /p>
                  #6 <COPY --chown=5:6 --chmod=644 src /w/one>
                  #7 <COPY <<one.txt <<two /etc>
                  #8 <ADD a.tar.gz odd /data>
                  #9 <ADD a.tar /data>
                  #10 <ADD https://h/x.tgz /d>
                  #11 <ADD https://h/o/r.git#v1:sub git@h:o/r /src>
                  #12 <COPY with blank /w>
                Dockerfile:5:11: warning: the ignore file leaves out b (CopyIgnoredFile)
                    COPY ../a ./b/ /abs/*.c $D/
                              ^

                """#
        )
    }
}
