# Fails when Postfix would not accept its configuration, and says why. Uses master_check, the program
# in check_master.awk.
# Postfix's programs wait until main.cf is two seconds old, since it could be half-written. Ours
# has been put in place whole.
old=$(($(date +%s) - 2))
[ "$(stat -L -c %Y /etc/postfix/main.cf)" -le $old ] || touch -c -d @$old /etc/postfix/main.cf
awk "$master_check" /etc/postfix/master.cf || exit 1
# `postfix check` writes errors to the log only; other programs that read main.cf print them.
postmap -q x static:x >/dev/null
postfix check || {
    journalctl -q -o cat -n 5 -t postfix -t postfix/postfix-script 2>/dev/null ||
        tail -n 5 /var/log/maillog
    exit 1
}
