# Removes the mail of temporary domains, queued and delivered; prints what is left. What is being
# delivered comes back into the queue, so this looks again.
queued() {
    postqueue -p | awk -v domain="$1" '
        /^[0-9A-Za-z]/ { id = $1; sub(/[*!#]$/, "", id) }
        id != "" && index($0, domain) { print id }
        /^$/ { id = "" }' | sort -u
}
for domain; do
    for try in 1 2 3 4 5; do
        [ -n "$(queued "$domain")" ] || break
        queued "$domain" | postsuper -d - >/dev/null 2>&1
        sleep 1
    done
    queued "$domain" | sed 's/^/queued /'
    # shellcheck disable=SC2115  # home is set, domain checked
    rm -rf -- "$home/$domain"
    [ ! -e "$home/$domain" ] || echo "file $home/$domain"
done
