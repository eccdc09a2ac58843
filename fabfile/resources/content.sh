# The fact `content`: whole files. The last line of a file may lack its newline, which `echo` adds; a
# line `-` after it says so.
for f; do
    [ -f "$f" ] && [ -r "$f" ] || continue
    printf '= %s\n' "$f"
    sed 's/^/|/' "$f"
    # A command substitution removes a final newline.
    [ -z "$(tail -c 1 "$f")" ] || printf '\n-\n'
done
