# Removes the mail of temporary domains, queued and delivered; prints what is left. What is being
# delivered comes back into the queue, so this looks again.
queued() {
    postqueue -p | awk -v domain="$1" '
        /^[0-9A-Za-z]/ { id = $1; sub(/[*!#]$/, "", id) }
        id != "" && index($0, domain) { print id }
        /^$/ { id = "" }' | sort -u
}
# A message to the local user vmail (local.sh), in a mailbox that was empty before.
spool=$(postconf -h mail_spool_directory)
mailbox=${spool%/}/vmail
for domain; do
    for try in 1 2 3 4 5; do
        [ -n "$(queued "$domain")" ] || break
        queued "$domain" | postsuper -d - >/dev/null 2>&1
        sleep 1
    done
    queued "$domain" | sed 's/^/queued /'
    if grep -qsF "@$domain" "$mailbox" && [ "$(grep -c '^From ' "$mailbox")" -eq 1 ]; then
        if [ -n "$keep_mailbox" ]; then : >"$mailbox"; else rm -f "$mailbox"; fi
    fi
    # shellcheck disable=SC2115  # home is set, domain checked
    rm -rf -- "$home/$domain"
    [ ! -e "$home/$domain" ] || echo "file $home/$domain"
done
