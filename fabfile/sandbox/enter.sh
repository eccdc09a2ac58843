# Mount a server's disk and become its systemd-nspawn. boot.sh runs this in a mount namespace of
# its own, so only the server sees the disk.
# NAME, NAMESPACE: its host name and network namespace. NETNS: the file of that namespace.
# ROOT: where the disk is mounted. OVERLAY: the mount options. CGROUPS: its control groups.
set -e
mount -t overlay overlay -o "$OVERLAY" "$ROOT"
for group in $CGROUPS; do
    echo $$ >"$group/cgroup.procs"
done
# Without this, /proc/sys/net is read-only inside, and sysctl fails.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
exec systemd-nspawn --quiet --boot --directory="$ROOT" \
    --machine="$NAMESPACE" --hostname="$NAME" \
    --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off --console=pipe \
    --network-namespace-path="$NETNS" \
    --capability=CAP_NET_ADMIN
