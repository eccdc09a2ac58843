# The fact `in_force`: what Postfix uses for the parameters $names, defaults included, then the files
# of its aliases. Warnings go to standard error, which is no answer. Before 2.10 postconf does not
# expand what refers to others. Needs alias_tables.sh and text.
maps='' database='' type='' found=''
if command -v postconf >/dev/null; then
    # shellcheck disable=SC2086  # words
    found=$(postconf -x $names || postconf $names)
fi
while read -r name _ value; do
    case $name in
    alias_maps) maps=$value ;;
    alias_database) database=$value ;;
    default_database_type) type=$value ;;
    esac
done <<END
$found
END
printf '%s\n' "$found"
alias_tables "$maps" "$database" "$type"
[ -n "$files" ] || files=/etc/aliases
# shellcheck disable=SC2086  # words
text $files
