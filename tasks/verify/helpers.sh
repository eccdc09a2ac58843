# The fact `helpers`: programs beside Postfix that filter mail, are started at boot, and do not run.
names='milter|dkim|dmarc|rspamd|amavis|clam|postgrey|policyd|spamd|spamass|greylist|postsrsd'
if [ -d /run/systemd/system ]; then
    systemctl list-unit-files --no-legend --no-pager --type=service --state=enabled |
        awk '{ print $1 }' | grep -E "$names" | grep -v @ |
        while read -r unit; do
            systemctl -q is-active "$unit" || echo "${unit%.service}"
        done
else
    chkconfig --list 2>/dev/null | awk '/3:on/ { print $1 }' | grep -E "$names" |
        while read -r name; do
            service "$name" status >/dev/null 2>&1 || echo "$name"
        done
fi
