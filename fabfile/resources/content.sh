# The fact `content`: whole files with a line more than they have, so that a missing final newline shows.
for f; do
    [ -f "$f" ] && [ -r "$f" ] || continue
    printf '= %s\n' "$f"
    sed 's/^/|/' "$f"
    echo
done
