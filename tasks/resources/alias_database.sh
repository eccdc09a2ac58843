# The fact `aliasdb`: the alias files whose database is not older than the file. Its suffix is that of
# the kind of table that Postfix was built with.
for f; do
    for db in "$f.db" "$f.lmdb" "$f.cdb"; do
        [ -e "$db" ] && [ ! "$f" -nt "$db" ] && printf '%s\n' "$f"
    done
done
