# Fails when Postfix would not accept its configuration, and says why.
# Whatever reads main.cf waits until it is two seconds old, since it could be half-written. Ours
# has been put in place whole.
old=$(($(date +%s) - 2))
[ "$(stat -c %Y /etc/postfix/main.cf)" -le $old ] || touch -c -d @$old /etc/postfix/main.cf
# `postfix check` tells the log alone what is wrong; whatever reads main.cf as well says it here.
postmap -q x static:x >/dev/null
postfix check || {
    journalctl -q -o cat -n 5 -t postfix -t postfix/postfix-script 2>/dev/null ||
        tail -n 5 /var/log/maillog
    exit 1
}
