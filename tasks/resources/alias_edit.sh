# The fixes of Alias and AliasDatabase. Needs alias_tables.sh.
in_force() { postconf -x -h "$1" 2>/dev/null || postconf -h "$1" 2>/dev/null || :; }

tables_now() {
    alias_tables "$(in_force alias_maps)" "$(in_force alias_database)" \
        "$(in_force default_database_type)"
}

# has_alias NAME FILE
has_alias() {
    [ -f "$2" ] && name=$1 awk '
        { this = tolower($0); sub(/[ \t]*:.*/, "", this); gsub(/"/, "", this) }
        this == ENVIRON["name"] { found = 1 }
        END { exit !found }' "$2"
}

# alias_file NAME: print the file where Postfix finds this alias. For a new one: the first that
# newaliases(1) knows too, else the first that is root's.
alias_file() {
    tables=$(tables_now)
    first='' known=''
    while read -r _ role kind _ file; do
        [ "$role" = maps ] || continue
        [ ! -e "$file" ] || [ "$(stat -L -c %u "$file")" = 0 ] || continue
        if has_alias "$1" "$file"; then
            echo "$file"
            return
        fi
        first=${first:-$file}
        case "$tables" in *"@ database $kind "*" $file"*) known=${known:-$file} ;; esac
    done <<END
$tables
END
    file=/etc/aliases
    echo "${known:-${first:-$file}}"
}

# make_databases [all]: run postalias(1) for each file that is newer than its database, or for all
# files of root: a restored file is as old as it was. newaliases(1) knows only those of $alias_database,
# and fails where one of them does not exist.
make_databases() {
    tables_now | sort -u -k3 | while read -r _ _ kind status file; do
        if [ -n "${1-}" ] && [ -e "$file" ] && [ "$(stat -L -c %u "$file")" = 0 ]; then status=stale; fi
        if [ "$status" = stale ] && [ "$kind" != texthash ]; then postalias "$kind:$file"; fi
    done
}
