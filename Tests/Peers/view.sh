# For the other scripts: goes into a copy-on-write view of $peers, where $roost is /roost/roost-runtime.
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
