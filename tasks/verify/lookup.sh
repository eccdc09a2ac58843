# The fact `lookup`. Each key is "TOOL TABLE KEY". Not found, a wrong password and a syntax error all
# exit with 1: only standard error tells them apart. Warnings of main.cf as a whole are another matter.
look() {
    timeout "$seconds" "$1" -q "$2" "$3"
    [ $? -ne 124 ] || echo 'no answer in time' >&2
}
for key; do
    printf '= %s\n' "$key"
    # shellcheck disable=SC2086  # words
    set -- $key
    tables=$2
    # Before 2.10 postconf has no -x, which resolves what refers to other parameters.
    [ "$2" != "$alias_maps" ] ||
        tables=$({ postconf -x -h alias_maps 2>/dev/null || postconf -h alias_maps; } | tr , ' ')
    for table in $tables; do
        answer=$({ look "$1" "$3" "$table" | sed 's/^/|/'; } 2>&1 | sed '/^|/!{
            /overriding earlier entry\|un\(used\|known\|defined\) parameter\|will be removed/d
            s/^/!/
        }')
        [ -z "$answer" ] || printf '%s\n' "$answer"
        # Postfix asks no further table then.
        case $answer in *'|'*) break ;; esac
    done
done
