# The fact about mailboxes below $home: how many messages and bytes each of them has.
cd "$home" || return 0
for d; do
    [ -d "$d" ] || continue
    find "$d" -type f \( -path '*/cur/*' -o -path '*/new/*' \) -printf '%s\n' |
        awk -v path="$d" '{ n++; size += $1 } END { printf "%d %.0f %s\n", n, size, path }'
done
