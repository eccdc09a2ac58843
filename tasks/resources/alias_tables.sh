# alias_tables MAPS DATABASE TYPE: print a line for each file of aliases in $alias_maps (role `maps`)
# and $alias_database (role `database`): role, type, state, path. TYPE is $default_database_type. Sets
# files to the paths of the first.
alias_tables() {
    # Before 2.10 postconf leaves $alias_database as it is.
    case $1 in *alias_database*) set -- "$1 $2" "$2" "$3" ;; esac
    files='' type=$3
    list_tables maps "$1"
    list_tables database "$2"
}

# list_tables ROLE LIST
list_tables() {
    set -f
    # shellcheck disable=SC2046  # a list
    set -- "$1" $(echo "$2" | tr , ' ')
    set +f
    role=$1
    shift
    for table; do
        table=${table#proxy:}
        kind=${table%%:*} file=${table#*:}
        case $kind in *default_database_type*) kind=$type ;; esac
        case $file in *config_directory*) file=/etc/postfix/${file#*/} ;; esac
        case $kind in
        hash | btree) database=$file.db ;;
        lmdb | cdb) database=$file.$kind ;;
        dbm | sdbm) database=$file.pag ;;
        texthash) database=$file ;;
        *) continue ;;
        esac
        [ "$role" != maps ] || files="$files $file"
        status=stale
        if [ ! -e "$file" ]; then
            [ -e "$database" ] && status=current || status=missing
        elif [ -e "$database" ] && [ ! "$file" -nt "$database" ]; then
            status=current
        elif [ "$(stat -L -c %u "$file")" != 0 ]; then
            # Another program, such as Mailman, keeps it.
            status=theirs
        fi
        echo "@ $role $kind $status $file"
    done
}
