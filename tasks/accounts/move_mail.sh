# Moves mail into the archive $removed, which belongs to root.
umask 077
[ -d "$removed" ] || mkdir "$removed"
# shellcheck disable=SC3067  # dash, bash and busybox have -O
if [ -L "$removed" ] || ! [ -O "$removed" ]; then
    echo "$removed is not a folder of root, as it should be"
    exit
fi
