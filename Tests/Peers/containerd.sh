#!/bin/sh
# Runs a containerd of a directory of peers with our runtime: sh containerd.sh PEERS ROOST SCRATCH
#
# To be called in mount, network and PID namespaces of its own, so that nothing of it stays. On a copy-on-write view of
# PEERS, which has /root/img/rootfs.
set -e
peers=$1 roost=$2 scratch=$3
. "$(dirname "$0")/view.sh"
containerd --root /var/lib/containerd --state /run/containerd > /tmp/containerd.log 2>&1 &
engine=$!
ctr() { timeout -s KILL 60 /usr/bin/ctr "$@"; }
await_engine ctr
set +e
run() { ctr run --runc-binary /roost/roost-runtime --rootfs "$@"; }
root=/root/img/rootfs
run --rm $root first /bin/sh -c 'echo foreground; exit 3'
echo "status $?"
echo given | run --rm $root input /bin/head -n 1
run --rm --memory-limit 8000000 $root hungry /bin/sh -c 'tail -c 100000000 /dev/zero' > /dev/null 2>&1
echo "status $?"
mkdir -p /tmp/data
run -d --memory-limit 64000000 --cpus 0.5 --read-only --mount type=bind,src=/tmp/data,dst=/root,options=rbind:rw --env WHO=me \
  $root one /bin/sh -c 'trap "exit 6" TERM; trap "echo signalled > /root/said" USR1; while :; do sleep 1 & wait; done'
ctr task exec --exec-id a one /bin/sh -c 'echo inside $WHO; touch /no 2> /dev/null || echo read-only; exit 4'
echo "status $?"
echo given | ctr task exec --exec-id b one /bin/head -n 1
ctr task exec --exec-id c --user 1000:1000 --cwd /root one /bin/sh -c 'id -u; pwd'
pid=$(ctr task ls | awk '$1 == "one" {print $2}')
limit() { cat "/sys/fs/cgroup/$1$(awk -F: -v c="$1" '$2 ~ "(^|,)" c "(,|$)" {print $3}' /proc/"$pid"/cgroup)/$2"; }
limit memory memory.limit_in_bytes
limit cpu cpu.cfs_quota_us
ctr task metrics one | grep -c memory.usage
ctr task kill -s USR1 one
await signalled cat /tmp/data/said
ctr task pause one && ctr task ls | awk '$1 == "one" {print $3}'
ctr task resume one && ctr task ls | awk '$1 == "one" {print $3}'
ctr task ps one | tail -n +2 | wc -l
ctr task kill -s TERM one
await STOPPED sh -c "ctr task ls | awk '\$1 == \"one\" {print \$3}'"
ctr task delete one
echo "status $?"
ctr container delete one
# Images through a snapshotter, and a user namespace.
ctr image import --digests /root/img/busybox-docker.tar > /dev/null
image=$(ctr image ls -q | head -1)
ctr run --runc-binary /roost/roost-runtime --rm "$image" second /bin/sh -c 'touch /x && echo image'
ctr run --runc-binary /roost/roost-runtime --rm --uidmap 0:200000:1000 --gidmap 0:200000:1000 "$image" third \
  /bin/sh -c 'tr -s " " < /proc/self/uid_map; touch /x; stat -c %u /x'
ctr run --runc-binary /roost/roost-runtime --rm --privileged "$image" fourth /bin/sh -c 'mount -t tmpfs none /tmp && echo privileged'
ctr run --runc-binary /roost/roost-runtime --rm --cap-drop CAP_CHOWN --seccomp "$image" fifth \
  /bin/sh -c 'chown 5 /etc/passwd 2> /dev/null || echo refused; grep -c "^Seccomp:.2" /proc/self/status'
ctr run --runc-binary /roost/roost-runtime --rm "$image" sixth no-such-program 2> /dev/null
echo "status $?"
ls /run/containerd/runc/default 2> /dev/null | wc -l
kill $engine
wait $engine
find /sys/fs/cgroup -depth -type d -path '*/default/*' -exec rmdir {} \; 2> /dev/null
rmdir /sys/fs/cgroup/*/default 2> /dev/null
exit 0
