# For the other scripts that run engines with our runtime: goes into a copy-on-write view of $peers, where $roost is /roost/roost-runtime.
#
# $roost may be built for another system than that of $peers, so the libraries it needs come along.
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root" "$scratch/roost"
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
for name in run tmp var/lib/docker var/lib/containerd var/lib/containers; do mkdir -p $name; mount -t tmpfs tmpfs $name; done
pivot_root . .old
umount -l /.old
cd /
# Where the caller keeps its temporary files is nowhere in the view.
export TMPDIR=/tmp
ip link set lo up

# Waits until the engine answers to its client.
await_engine() {
  n=0
  until "$1" version > /dev/null 2>&1; do
    n=$((n + 1))
    [ $n -lt 100 ] || { tail -5 /tmp/*d.log; exit 1; }
    sleep 0.2
  done
}

# Repeats a command until it prints what is wanted.
await() {
  wanted=$1 n=0
  shift
  until [ "$("$@" 2> /dev/null)" = "$wanted" ] || [ $n -ge 100 ]; do n=$((n + 1)); sleep 0.2; done
  "$@"
}
