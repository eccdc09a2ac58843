# The fact `text`: print whole files, each line prefixed with `|`, in the format of parse_files.
for f; do
    shift
    [ -f "$f" ] && [ -r "$f" ] || continue
    # awk prints nothing for an empty file.
    if [ -s "$f" ]; then set -- "$@" "$f"; else printf '= %s\n' "$f"; fi
done
[ $# -eq 0 ] || awk -- 'FNR == 1 { print "= " FILENAME } { print "|" $0 }' "$@"
