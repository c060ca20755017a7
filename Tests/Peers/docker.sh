#!/bin/sh
# Runs a Docker engine of a directory of peers with our runtime: sh docker.sh PEERS ROOST SCRATCH
#
# To be called in mount, network and PID namespaces of its own, so that nothing of the engine stays: neither its bridge
# nor its rules, nor a process. On a copy-on-write view of PEERS, which has /root/img/rootfs.
set -e
peers=$1 roost=$2 scratch=$3
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root" "$scratch/roost"
# ROOST may be built for another system than that of PEERS, so the libraries it needs come along.
libraries=$(ldd "$roost" 2> /dev/null | awk '/=> \//{print $3} /ld-linux/{print $1}') || true
cp "$roost" "$scratch/roost/program"
if [ -n "$libraries" ]; then
  cp -L $libraries "$scratch/roost"
  start='exec /roost/ld-linux-* --library-path /roost /roost/program runtime "$@"'
else
  start='exec /roost/program runtime "$@"'
fi
printf '#!/bin/sh\n%s\n' "$start" > "$scratch/roost/roost-runtime"
chmod +x "$scratch/roost/roost-runtime"
mount -t overlay overlay -o "lowerdir=$peers,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mkdir -p roost .old
for name in sys dev; do mount --rbind /$name $name; done
mount -t proc proc proc
mount --bind "$scratch/roost" roost
for name in run tmp var/lib/docker; do mkdir -p $name; mount -t tmpfs tmpfs $name; done
pivot_root . .old
umount -l /.old
cd /
ip link set lo up
dockerd --exec-opt native.cgroupdriver=cgroupfs --add-runtime roost=/roost/roost-runtime --default-runtime roost \
  --exec-root /run/docker --data-root /var/lib/docker > /tmp/dockerd.log 2>&1 &
engine=$!
docker() { timeout 60 /usr/bin/docker "$@"; }
n=0
until docker version > /dev/null 2>&1; do
  n=$((n + 1))
  [ $n -lt 100 ] || { tail -5 /tmp/dockerd.log; exit 1; }
  sleep 0.2
done
set +e
tar -C /root/img/rootfs -c . | docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' - box > /dev/null
docker run --rm box sh -c 'echo foreground; exit 3'
echo "status $?"
docker volume create data > /dev/null
docker run -d --name one --memory 64m --pids-limit 50 --init -v data:/data --tmpfs /scratch --read-only \
  --health-cmd 'test -e /data/healthy' --health-interval 200ms --health-retries 50 \
  box sh -c 'touch /data/healthy; trap "exit 6" TERM; while :; do sleep 1 & wait; done' > /dev/null
docker exec one sh -c 'echo inside; touch /no 2> /dev/null || echo read-only; exit 4'
echo "status $?"
docker exec -u 1000:1000 -w /data -e WHO=me one sh -c 'echo $WHO `id -u` `pwd`'
n=0
until [ "$(docker inspect -f '{{.State.Health.Status}}' one)" = healthy ] || [ $n -ge 100 ]; do n=$((n + 1)); sleep 0.2; done
docker inspect -f '{{.State.Health.Status}}' one
docker top one | tail -n +2 | wc -l
docker pause one > /dev/null && docker inspect -f '{{.State.Status}}' one
docker unpause one > /dev/null
docker update --memory 32m --memory-swap 32m one > /dev/null && echo updated
docker stats --no-stream --format '{{.PIDs}}' one | grep -c '^[1-9]'
docker stop -t 30 one
docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' one
docker start one > /dev/null && docker kill -s KILL one > /dev/null
docker wait one
docker rm one
docker run --rm -t box tty
docker run --rm --network none --cap-drop ALL --security-opt no-new-privileges --ulimit nofile=77 box \
  sh -c 'grep -E "CapEff|NoNewPrivs" /proc/self/status | tr -d "\t"; ulimit -n'
docker run --rm box no-such-program 2> /dev/null
echo "status $?"
kill $engine
wait $engine
rmdir /sys/fs/cgroup/*/docker /sys/fs/cgroup/docker 2> /dev/null
exit 0
