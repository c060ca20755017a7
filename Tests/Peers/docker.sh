#!/bin/sh
# Runs a Docker engine of a directory of peers with our runtime: sh docker.sh PEERS ROOST SCRATCH [remap|profile]
#
# To be called in mount, network and PID namespaces of its own, so that nothing of the engine stays: neither its bridge
# nor its rules, nor a process. On a copy-on-write view of PEERS, which has /root/img/rootfs. With `remap` all containers
# are in a user namespace; with `profile` what is printed is the configuration of a container that asks for nothing.
set -e
peers=$1 roost=$2 scratch=$3 mode=$4 remap=
. "$(dirname "$0")/view.sh"
if [ "$mode" = remap ]; then
  echo 'mapped:x:7000:7000::/:/bin/sh' >> /etc/passwd
  echo 'mapped:x:7000:' >> /etc/group
  for file in subuid subgid; do echo 'mapped:200000:65536' >> /etc/$file; done
  remap=--userns-remap=mapped
fi
dockerd --exec-opt native.cgroupdriver=cgroupfs --add-runtime roost=/roost/roost-runtime --default-runtime roost $remap \
  --exec-root /run/docker --data-root /var/lib/docker > /tmp/dockerd.log 2>&1 &
engine=$!
docker() { timeout 60 /usr/bin/docker "$@"; }
await_engine docker
set +e
tar -C /root/img/rootfs -c . | docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' - box > /dev/null
if [ "$mode" = profile ]; then
  docker run -d box sh -c 'while :; do sleep 1; done' > /dev/null
  cat /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/*/config.json
elif [ "$mode" = remap ]; then
  docker run --rm box sh -c 'tr -s " " < /proc/self/uid_map; id -u'
  docker run -d --name one --init -v data:/data --read-only --memory 64m box \
    sh -c 'trap "exit 6" TERM; touch /data/mine; while :; do sleep 1 & wait; done' > /dev/null
  docker exec one sh -c 'touch /no 2> /dev/null || echo read-only; stat -c %u /data/mine'
  stat -c %u "$(docker volume inspect -f '{{.Mountpoint}}' data)/mine"
  docker exec -u 5 one id -u
  awk '{print $3}' /proc/"$(docker inspect -f '{{.State.Pid}}' one)"/uid_map
  docker stop -t 30 one
  docker inspect -f '{{.State.ExitCode}}' one
  docker run --rm -t box tty
  docker run --rm --userns host box sh -c 'tr -s " " < /proc/self/uid_map'
else
  # The foreground, with input, a terminal, both, and a signal that is passed on.
  docker run --rm box sh -c 'echo foreground; exit 3'
  echo "status $?"
  echo given | docker run -i --rm box cat
  docker run --rm -t box tty
  docker run --rm --name signalled --sig-proxy box sh -c 'trap "exit 9" USR1; echo up; while :; do sleep 1 & wait; done' > /tmp/out &
  client=$!
  await up cat /tmp/out
  pkill -USR1 -f 'docker run --rm --name signalle[d]'
  wait $client
  echo "status $?"
  # Detached: an init, volumes, a read-only root, health, limits, exec.
  docker volume create data > /dev/null
  docker run -d --name one --memory 64m --memory-swap 64m --pids-limit 50 --cpus 0.5 --cpuset-cpus 0 --cpu-shares 512 \
    --init -v data:/data -v /etc/hostname:/given:ro --tmpfs /scratch --read-only --oom-score-adj 300 --shm-size 1m \
    --sysctl net.ipv4.ip_default_ttl=33 --hostname named \
    --health-cmd 'test -e /data/healthy' --health-interval 200ms --health-retries 50 \
    box sh -c 'touch /data/healthy; trap "exit 6" TERM; trap "echo signalled" USR1; while :; do sleep 1 & wait; done' > /dev/null
  docker exec one sh -c 'echo inside; touch /no 2> /dev/null || echo read-only; touch /given 2> /dev/null || echo kept; exit 4'
  echo "status $?"
  echo given | docker exec -i one cat
  docker exec -t one tty
  docker exec -u 1000:1000 -w /data -e WHO=me one sh -c 'echo $WHO `id -u` `pwd`'
  docker exec one sh -c 'cat /proc/1/comm /proc/1/oom_score_adj /proc/sys/net/ipv4/ip_default_ttl; hostname; df -k /dev/shm | awk "NR==2{print \$2}"'
  pid=$(docker inspect -f '{{.State.Pid}}' one)
  limit() { cat "/sys/fs/cgroup/$1$(awk -F: -v c="$1" '$2 ~ "(^|,)" c "(,|$)" {print $3}' /proc/"$pid"/cgroup)/$2"; }
  limit memory memory.limit_in_bytes
  limit pids pids.max
  limit cpu cpu.cfs_quota_us
  limit cpu cpu.shares
  limit cpuset cpuset.cpus
  await healthy docker inspect -f '{{.State.Health.Status}}' one
  docker top one | tail -n +2 | wc -l
  docker kill -s USR1 one > /dev/null
  await signalled docker logs one
  docker pause one > /dev/null && docker inspect -f '{{.State.Status}}' one
  docker unpause one > /dev/null
  docker update --memory 32m --memory-swap 32m one > /dev/null && limit memory memory.limit_in_bytes
  docker stats --no-stream --format '{{.PIDs}}' one | grep -c '^[1-9]'
  docker stop -t 30 one
  docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' one
  docker start one > /dev/null && docker kill -s KILL one > /dev/null
  docker wait one
  docker rm one
  docker run --name hungry --memory 8m --memory-swap 8m box sh -c 'tail -c 100000000 /dev/zero'
  echo "status $?"
  await true docker inspect -f '{{.State.OOMKilled}}' hungry
  docker run -d --name failing --restart on-failure:2 box sh -c 'exit 1' > /dev/null
  await 2 docker inspect -f '{{.RestartCount}}' failing
  # Networks, and namespaces of others.
  docker run -d --name web box sh -c 'echo page > /index.html; exec httpd -f -p 80 -h /' > /dev/null
  address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web)
  await page docker run --rm box wget -q -O - "http://$address/index.html"
  docker run --rm --network container:web --pid container:web box sh -c 'wget -q -O - http://127.0.0.1/index.html; cat /proc/1/comm'
  docker cp web:/index.html - | tar -xO
  docker diff web | grep index
  docker run --rm --network none --cap-drop ALL --security-opt no-new-privileges --ulimit nofile=77 box \
    sh -c 'grep -E "CapEff|NoNewPrivs" /proc/self/status | tr -d "\t"; ulimit -n'
  docker run --rm --privileged --pid host --ipc host --uts host box sh -c 'test -e /dev/null && mount -t tmpfs none /tmp && echo privileged'
  docker run --rm --device /dev/zero:/dev/given box sh -c 'head -c 3 /dev/given | wc -c; mknod /tmp/full c 1 7 && head -c 2 /tmp/full | wc -c; mknod /tmp/disk b 7 0; head -c 1 /tmp/disk 2> /dev/null || echo refused'
  docker run --rm box no-such-program 2> /dev/null
  echo "status $?"
fi
docker rm -f $(docker ps -aq) > /dev/null 2>&1
# The runtime has forgotten all of them.
[ "$mode" = profile ] || ls /run/docker/runtime-runc/moby /run/docker/runtime-*/moby 2> /dev/null | grep -c '^[0-9a-f]\{64\}$'
kill $engine
wait $engine
find /sys/fs/cgroup -depth -type d -path '*/docker*' -exec rmdir {} \; 2> /dev/null
exit 0
