# The first process of an engine's namespaces: lays out the mounts, then waits for its input to end.
#   bash engine.sh NAME FOLDER
# Its end is the end of everything inside: dockerd, containerd and all containers. Its input is a
# pipe from the tests, so it ends with them whatever becomes of them.
set -eu
name=$1 folder=$2

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

mount -t tmpfs tmpfs /run
mkdir -p /var/lib/docker /etc/docker "$folder/data" "$folder/etc"
mount --bind "$folder/data" /var/lib/docker
mount --bind "$folder/etc" /etc/docker # older engines keep their ID here: shared means the same ID

: >"$folder/laid-out"
# Bash collects every orphan of the namespace while it waits here.
while read -r _; do :; done
