#!/bin/sh
# Loads and runs an image in Docker and Podman of a directory of peers, and has them build one each:
# sh images.sh PEERS ARCHIVE SCRATCH
#
# ARCHIVE is what `roost save` writes, of an image ours:1. What they build, theirs:1, is in SCRATCH/docker.tar and
# SCRATCH/podman.tar afterwards. To be called in mount, network and PID namespaces of its own, so that nothing of the engine
# stays. On a copy-on-write view of PEERS, which has /root/img/rootfs.
set -e
peers=$1 archive=$2 scratch=$3
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root" "$scratch/exchange"
cp "$archive" "$scratch/exchange/ours.tar"
mount -t overlay overlay -o "lowerdir=$peers,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mkdir -p exchange .old
for name in sys dev; do mount --rbind /$name $name; done
mount -t proc proc proc
mount --bind "$scratch/exchange" exchange
for name in run tmp var/lib/docker var/lib/containers; do mkdir -p $name; mount -t tmpfs tmpfs $name; done
pivot_root . .old
umount -l /.old
cd /
ip link set lo up
cat > /tmp/Dockerfile <<'END'
FROM ours:1
USER 0
RUN echo theirs > /theirs && rm /removed && mkdir -m 1777 /sticky && ln /theirs /linked
ENV WHOSE=theirs
USER 12:34
WORKDIR /made/by/them
CMD cat /theirs /linked /ours; echo $WHOSE $COLOUR; id -u; pwd; ls /
END
run='cat /ours; echo $COLOUR; id -u; pwd; stat -c "%a %u:%g" /ours /tmp; ls /removed'
dockerd --exec-opt native.cgroupdriver=cgroupfs --exec-root /run/docker --data-root /var/lib/docker --bridge none \
  --iptables=false > /tmp/dockerd.log 2>&1 &
engine=$!
docker() { timeout 100 /usr/bin/docker "$@"; }
n=0
until docker version > /dev/null 2>&1; do
  n=$((n + 1))
  [ $n -lt 100 ] || { tail -5 /tmp/dockerd.log; exit 1; }
  sleep 0.2
done
set +e
docker load -i /exchange/ours.tar
docker run --rm --network none ours:1
docker run --rm --network none ours:1 sh -c "$run"
docker history --no-trunc --format '{{.CreatedBy}}' ours:1 | head -1
docker build -q --network none -t theirs:1 -f /tmp/Dockerfile /tmp > /tmp/build.log 2>&1 || cat /tmp/build.log
docker save -o /exchange/docker.tar theirs:1 && echo saved
kill $engine
wait $engine
export PODMAN_IGNORE_CGROUPSV1_WARNING=1
podman() { timeout 100 /usr/bin/podman --cgroup-manager cgroupfs --storage-driver overlay "$@"; }
podman load -q -i /exchange/ours.tar
podman run --rm --network none ours:1
podman run --rm --network none ours:1 sh -c "$run"
# It would raise limits beyond what whoever runs this may have.
limit() { awk -v name="$1" 'index($0, name) == 1 {print $(NF - 1) ":" $(NF - 1)}' /proc/self/limits; }
podman build -q --network none --ulimit "nofile=$(limit 'Max open files')" --ulimit "nproc=$(limit 'Max processes')" -t theirs:1 -f /tmp/Dockerfile /tmp > /tmp/build.log 2>&1 || cat /tmp/build.log
podman save -q --format oci-archive -o /exchange/podman.tar theirs:1 && echo saved
for _ in 1 2 3 4 5 6 7 8 9 10; do
  find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} \; 2> /dev/null
  [ -z "$(find /sys/fs/cgroup -maxdepth 2 -name libpod_parent)" ] && break
  sleep 0.2
done
exit 0
