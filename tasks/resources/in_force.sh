# The fact `in_force`: what Postfix uses for the parameters $names, defaults included, then the files
# of its aliases. Warnings go to standard error, which is no answer. Before 2.10 postconf does not
# expand what refers to others. Needs alias_tables.sh.
maps='' database='' type='' found='' relayed=''
if command -v postconf >/dev/null; then
    # shellcheck disable=SC2086  # words
    found=$(postconf -x $names || postconf $names)
fi
while IFS= read -r line; do
    case $line in
    'alias_maps ='*) maps=${line#*=} ;;
    'alias_database ='*) database=${line#*=} ;;
    'relay_domains ='*) relayed=${line#*=} ;;
    'default_database_type ='*) type=${line#*= } ;;
    esac
done <<END
$found
END
# Without an answer, of a main.cf that is lost, the file has the type of the database that is there.
if [ -z "$found" ]; then
    for type in lmdb:lmdb cdb:cdb hash:db; do
        if [ -e "/etc/aliases.${type#*:}" ]; then maps=${type%:*}:/etc/aliases; fi
    done
fi
tables=$(alias_tables "$maps" "$database" "$type")
printf '%s\n' "$found" "$tables"
set --
while read -r _ role _ _ file; do
    if [ "$role" = maps ] && [ -s "$file" ]; then set -- "$@" "$file"; fi
done <<END
$tables
END
[ $# -gt 0 ] || [ ! -s /etc/aliases ] || set -- /etc/aliases
[ $# -eq 0 ] || awk -- 'FNR == 1 { print "= " FILENAME } { print "|" $0 }' "$@"
# Which names in relay_domains the guide's table of domains knows too; by default there is none.
domains=/etc/postfix/mysql-virtual_domains.cf
case $relayed in
*[a-zA-Z0-9].[a-zA-Z0-9]*)
    [ ! -r $domains ] || printf '%s\n' "$relayed" | tr -s ', ' '[\n*]' | grep -v '[:/$]' |
        timeout 5 postmap -q - "mysql:$domains" | sed 's/^/relayed /; s/[[:space:]]*$//'
    ;;
esac
