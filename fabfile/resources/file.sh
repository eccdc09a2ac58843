# The fact `file`: kind, owner, group and mode of each path, and the SHA-256 of regular files.
stat -c '= %f %U %G %n' -- "$@"
for f; do
    shift
    [ -f "$f" ] && [ ! -L "$f" ] && set -- "$@" "$f"
done
[ $# -eq 0 ] || sha256sum -- "$@"
