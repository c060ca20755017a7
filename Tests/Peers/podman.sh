#!/bin/sh
# Runs Podman of a directory of peers with our runtime: sh podman.sh PEERS ROOST SCRATCH
#
# All in a mount namespace of its own, on a copy-on-write view of PEERS, which has /root/img/rootfs. ROOST may be built
# for another system than that of PEERS, so the libraries it needs come along.
set -e
peers=$1 roost=$2 scratch=$3
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root" "$scratch/roost"
ldd "$roost" | awk '/=> \//{print $3} /ld-linux/{print $1}' | xargs -I{} cp -L {} "$scratch/roost"
cp "$roost" "$scratch/roost/program"
cat > "$scratch/roost/roost-runtime" <<'END'
#!/bin/sh
exec /roost/ld-linux-* --library-path /roost /roost/program runtime "$@"
END
chmod +x "$scratch/roost/roost-runtime"
mount -t overlay overlay -o "lowerdir=$peers,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mkdir -p roost .old
for name in proc sys dev; do mount --rbind /$name $name; done
mount --bind "$scratch/roost" roost
for name in run tmp; do mount -t tmpfs tmpfs $name; done
pivot_root . .old
umount -l /.old
cd /
export PODMAN_IGNORE_CGROUPSV1_WARNING=1
podman() { timeout 60 podman --cgroup-manager cgroupfs --runtime /roost/roost-runtime "$@"; }
set +e
podman run --rm --network none --rootfs /root/img/rootfs sh -c 'echo foreground; exit 3'
echo "status $?"
podman run -d --name one --network none --memory 64m --rootfs /root/img/rootfs sh -c 'trap "exit 0" TERM; while :; do sleep 1 & wait; done' > /dev/null
podman exec one sh -c 'echo inside; exit 4'
echo "status $?"
podman stop -t 30 one
podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' one
podman rm one
podman run --rm --network none --rootfs /root/img/rootfs no-such-program 2> /dev/null
echo "status $?"
# Podman leaves the groups above its containers', and its monitors take a moment to leave them.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} \; 2> /dev/null
  [ -z "$(find /sys/fs/cgroup -maxdepth 2 -name libpod_parent)" ] && break
  sleep 0.2
done
exit 0
