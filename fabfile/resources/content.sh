# The fact `content`: whole files. One more line follows each, to show a missing final newline.
for f; do
    [ -f "$f" ] && [ -r "$f" ] || continue
    printf '= %s\n' "$f"
    sed 's/^/|/' "$f"
    echo
done
