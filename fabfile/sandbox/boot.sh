# Boot a server, and boot it again each time it reboots itself, with a new network each time.
# NAMESPACE: its network namespace. FOLDER: its directory. REBOOT: the exit status of
# systemd-nspawn --keep-unit when the guest asks to reboot.
while :; do
    ip netns del "$NAMESPACE" 2>/dev/null
    ip netns add "$NAMESPACE" || exit 1
    sh "$FOLDER/plug.sh" || exit 1
    rm -rf "$FOLDER/work" || exit 1
    mkdir "$FOLDER/work" || exit 1
    status=0
    unshare --mount --propagation slave sh "$FOLDER/enter.sh" || status=$?
    [ "$status" -eq "$REBOOT" ] || exit 0
done
