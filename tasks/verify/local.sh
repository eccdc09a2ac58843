# Sends mail to local users, as cron does. Arguments: the sender, a user, the message's token. The mail
# for root is only tried: `sendmail -bv` delivers nothing and reports to the sender. The user gets a real
# message where nothing but local(8)'s own mailbox would take it, and that is empty; remove_mail.sh
# removes it again. Prints `tried`, `real`, or `real empty` if there was an empty mailbox, and the lines
# of the log that tell what came of it.
exec 2>&1
sender=$1 user=$2 token=$3 here=$(postconf -h myhostname)
spool=$(postconf -h mail_spool_directory)
home=$(awk -F: -v user="$user" '$1 == user { print $6 }' /etc/passwd)
settings='home_mailbox mailbox_command mailbox_transport mailbox_command_maps mailbox_transport_maps'
# shellcheck disable=SC2086  # words
others=$(postconf -h $settings | tr -d ' \n')
if [ -z "$others" ] && [ ! -s "${spool%/}/$user" ] && [ ! -e "$home/.forward" ]; then
    if [ -e "${spool%/}/$user" ]; then echo 'real empty'; else echo real; fi
    printf '%s\n' "From: $sender" "To: $user@$here" "Message-ID: <$token@${sender#*@}>" \
        "Subject: mailfab verify $token" '' 'A test of local mail, which is removed again.' |
        sendmail -i -f "$sender" "$user@$here"
else
    echo tried
    sendmail -bv -f "$sender" "$user@$here" >/dev/null
fi
sendmail -bv -f "$sender" "root@$here" >/dev/null
answers() {
    {
        journalctl -q --no-pager -o short --since -10min SYSLOG_FACILITY=2
        for f in /var/log/maillog /var/log/mail.log; do
            [ -f "$f" ] && tail -c 1000000 "$f"
        done
    } 2>/dev/null | awk -v sender="from=<$sender>," -v to1="to=<$user@$here>" -v to2="to=<root@$here>" '
        { id = $0; sub(/^.*postfix[^ ]*\]: /, "", id); sub(/:.*/, "", id) }
        index($0, sender) { ours[id] = 1 }
        / status=/ && (id in ours) && (index($0, to1) || index($0, to2)) && !seen[id]++'
}
n=0
until [ $n -ge $((wait * 5)) ] || [ "$(answers | wc -l)" -ge 2 ]; do
    n=$((n + 1))
    sleep 0.2
done
answers
