# The client of the database, as its root. Part of every apply script. Uses work.

# sql: the client of whichever server is installed, as root, statements on standard input. When the
# password in root's file is refused, it may be one that a run which died had yet to set.
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

# sql_from QUERY: run the statements that a query returns. They are worked out on the server when
# they are needed, so that they fit whatever is there.
sql_from() {
    found=$(printf '%s\n' "$1" | sql -N -r)
    printf '%s\n' "$found" | sql
}
