#!/bin/sh
# Runs Podman of a directory of peers with our runtime: sh podman.sh PEERS ROOST SCRATCH
#
# To be called in mount, network and PID namespaces of its own, so that nothing of it stays. On a copy-on-write view of
# PEERS, which has /root/img/rootfs.
set -e
peers=$1 roost=$2 scratch=$3
. "$(dirname "$0")/view.sh"
export PODMAN_IGNORE_CGROUPSV1_WARNING=1
echo "containers:x:7000:7000::/:/bin/sh" >> /etc/passwd
for file in subuid subgid; do echo 'containers:300000:1000000' >> /etc/$file; done
podman() { timeout 60 /usr/bin/podman --cgroup-manager cgroupfs --runtime /roost/roost-runtime "$@"; }
set +e
tar -C /root/img/rootfs -c . | podman import -q -c 'CMD ["sh"]' -c 'ENV PATH=/bin' - box > /dev/null
quiet='--rm --network none'
podman run $quiet box sh -c 'echo foreground; exit 3'
echo "status $?"
echo given | podman run $quiet -i box cat
podman run $quiet -t box tty
podman run $quiet --name signalled box sh -c 'trap "exit 9" USR1; echo up; while :; do sleep 1 & wait; done' > /tmp/out &
client=$!
await up cat /tmp/out
pkill -USR1 -f 'podman.* run .*signalle[d]'
wait $client
echo "status $?"
podman run -d --name one --network none --memory 64m --memory-swap 64m --pids-limit 50 --cpus 0.5 --init \
  --init-path /usr/bin/docker-init -v data:/data -v /etc/hostname:/given:ro --tmpfs /scratch --read-only --read-only-tmpfs=false \
  --health-cmd 'test -e /data/healthy' --health-interval disable --sysctl net.ipv4.ip_default_ttl=33 --hostname named \
  box sh -c 'touch /data/healthy; trap "exit 6" TERM; trap "echo signalled" USR1; while :; do sleep 1 & wait; done' > /dev/null
podman exec one sh -c 'echo inside; touch /no 2> /dev/null || echo read-only; touch /given 2> /dev/null || echo kept; exit 4'
echo "status $?"
echo given | podman exec -i one cat
podman exec -t one tty
podman exec -u 1000:1000 -w /data -e WHO=me one sh -c 'echo $WHO `id -u` `pwd`'
podman exec one sh -c 'cat /proc/1/cmdline | tr "\0" " " | cut -d" " -f1; cat /proc/sys/net/ipv4/ip_default_ttl; hostname'
podman healthcheck run one
echo "health $?"
pid=$(podman inspect -f '{{.State.Pid}}' one)
limit() { cat "/sys/fs/cgroup/$1$(awk -F: -v c="$1" '$2 ~ "(^|,)" c "(,|$)" {print $3}' /proc/"$pid"/cgroup)/$2"; }
limit memory memory.limit_in_bytes
limit pids pids.max
limit cpu cpu.cfs_quota_us
podman top one comm | tail -n +2 | head -1
podman kill -s USR1 one > /dev/null
await signalled podman logs one
podman pause one > /dev/null && podman inspect -f '{{.State.Status}}' one
podman unpause one > /dev/null
podman update --memory 32m --memory-swap 32m one > /dev/null && limit memory memory.limit_in_bytes
podman stop -t 30 one
podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' one
podman start one > /dev/null && podman kill one > /dev/null && podman wait one
podman rm one
# User namespaces, each way of them.
podman run $quiet --userns auto:size=1000 box sh -c 'awk "{print \$1, \$3}" /proc/self/uid_map; touch /x; stat -c %u /x'
podman run $quiet --uidmap 0:400000:5000 --gidmap 0:400000:5000 -v mapped:/data:U box sh -c 'touch /data/x; stat -c %u /data/x'
podman run $quiet --uidmap 0:400000:5000 --gidmap 0:400000:5000 -v plain:/data:idmap box sh -c 'touch /data/x; stat -c %u /data/x'
stat -c %u "$(podman volume inspect -f '{{.Mountpoint}}' mapped)/x" "$(podman volume inspect -f '{{.Mountpoint}}' plain)/x"
# A network, shared namespaces, a pod.
podman run -d --name web box sh -c 'echo page > /index.html; exec httpd -f -p 80 -h /' > /dev/null
address=$(podman inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web)
await page podman run --rm box wget -q -O - "http://$address/index.html"
podman run --rm --network container:web --pid container:web box sh -c 'wget -q -O - http://127.0.0.1/index.html; cat /proc/1/comm'
podman run $quiet --cap-drop ALL --security-opt no-new-privileges --ulimit nofile=77 box \
  sh -c 'grep -E "CapEff|NoNewPrivs" /proc/self/status | tr -d "\t"; ulimit -n'
podman run --rm --privileged --pid host --ipc host --uts host --network host box sh -c 'mount -t tmpfs none /tmp && echo privileged'
podman run $quiet --rootfs /root/img/rootfs echo directory
podman run $quiet --rootfs /root/img/rootfs:O sh -c 'touch /above && echo overlay'
podman run $quiet box no-such-program 2> /dev/null
echo "status $?"
podman rm -f -a -t 0 > /dev/null 2>&1
# Podman leaves the groups above its containers', and its monitors take a moment to leave them.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} \; 2> /dev/null
  [ -z "$(find /sys/fs/cgroup -maxdepth 2 -name libpod_parent)" ] && break
  sleep 0.2
done
exit 0
