# The fact `file`: kind, owner, group and mode of each path, then those of what a link leads to, and
# the SHA-256 of regular files.
stat -c '= %f %U %G %n' -- "$@"
for f; do
    if [ -L "$f" ]; then stat -L -c '> %f %U %G %n' -- "$f"; fi
done
for f; do
    shift
    [ -f "$f" ] && set -- "$@" "$f"
done
[ $# -eq 0 ] || sha256sum -- "$@"
