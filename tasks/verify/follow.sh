# Arguments: a temporary domain, then the tokens of messages. Waits for a file with each token, or for
# the log to say that there will be none; then a little for the logs, which are written after the
# mail. Facility 2 is mail (syslog(3)): on systems without a log file the journal has it.
domain=$1
shift
maillog() {
    {
        journalctl -q --no-pager -o short --since -10min SYSLOG_FACILITY=2
        for f in /var/log/maillog /var/log/mail.log $(postconf -h maillog_file); do
            [ -f "$f" ] && tail -c 4000000 "$f"
        done
    } 2>/dev/null | grep -F -e "$domain"
}
stored() {
    find "$home/$domain" -type f \( -path '*/Maildir/new/*' -o -path '*/Maildir/cur/*' \) \
        -exec grep -lF -e "$1" {} + 2>/dev/null
}
all_stored() {
    for token; do [ -n "$(stored "$token")" ] || return 1; done
}
end=$(($(date +%s) + wait))
failed() {
    maillog | grep -q -e status=deferred -e status=bounced
}
until all_stored "$@" || failed || [ "$(date +%s)" -ge $end ]; do
    sleep 0.3
done
n=0
until [ $n -ge 10 ] || [ "$(maillog | grep -c 'status=')" -ge $# ]; do
    n=$((n + 1))
    sleep 0.5
done
for token; do
    stored "$token" | sed "s/^/file $token /"
done
[ -f "$deliver_log" ] && tail -c 1000000 "$deliver_log" | grep -F -e "$domain" | sed 's/^/saved /'
maillog | sed 's/^/log /'
postqueue -p | grep -F -A3 -B3 -e "$domain" | sed 's/^/queue /'
