# The client of the database, as its root. Part of every apply script. Uses work.

# sql: run statements from standard input as the database's root, with the client that is installed.
# The server may refuse the password in root's file: a crashed run may have written the file before it
# set the password. Then try without one.
sql() {
    client=$(command -v mariadb || command -v mysql)
    statements=$(cat)
    printf '%s\n' "$statements" | "$client" "$@" 2>"$work/sql.said" && return
    if grep -q 'ERROR 1045' "$work/sql.said"; then
        printf '%s\n' "$statements" | "$client" --password= "$@" 2>/dev/null && return
    fi
    cat "$work/sql.said" >&2
    return 1
}

# sql_from QUERY: run the statements that a query returns. The server computes them when they are
# needed, so they match its actual content.
sql_from() {
    found=$(printf '%s\n' "$1" | sql -N -r)
    printf '%s\n' "$found" | sql
}
