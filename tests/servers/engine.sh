# The first process of an engine's namespaces: lays out the mounts, then waits for its input to end.
#   bash engine.sh NAME FOLDER ROOT OWN...
# ROOT is / or the folder of another system, which becomes / here. Each OWN is a path that gets a
# folder of its own, below FOLDER.
# Its end is the end of everything inside: dockerd, containerd and all containers. Its input is a
# pipe from the tests, so it ends with them whatever becomes of them.
set -eu
name=$1 folder=$2 root=$3
shift 3

hostname "$name"
ip link set lo up
mount -t proc proc /proc

# /sys must belong to the new network namespace, or the overlay driver misses its bridges; the
# cgroup mounts of the machine go with the old one and are put back.
mkdir "$folder/cgroup"
mount --rbind /sys/fs/cgroup "$folder/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$folder/cgroup" /sys/fs/cgroup
umount -l "$folder/cgroup"

if [ "$root" != / ]; then
  mount --bind "$root" "$root" # only a mount can become the root
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  mkdir -p "$root/tmp/old" "$root$folder"
  mount --bind "$folder" "$root$folder"
  cd "$root"
  pivot_root . tmp/old # chroot would not do: each container pivots once more
  cd /
  umount -l /tmp/old
fi

mount -t tmpfs tmpfs /run
for own; do
  mkdir -p "$own" "$folder/own$own"
  mount --bind "$folder/own$own" "$own"
done

: >"$folder/laid-out"
# Bash collects every orphan of the namespace while it waits here.
while read -r _; do :; done
