# The fact `text`: whole files, each line behind a bar, in the form that parse_files reads.
for f; do
    shift
    [ -f "$f" ] && [ -r "$f" ] || continue
    # awk sees nothing of a file without lines.
    if [ -s "$f" ]; then set -- "$@" "$f"; else printf '= %s\n' "$f"; fi
done
[ $# -eq 0 ] || awk -- 'FNR == 1 { print "= " FILENAME } { print "|" $0 }' "$@"
