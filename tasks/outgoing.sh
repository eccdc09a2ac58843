# The fact `outgoing`: whether port 25 of $server, a mail server of the internet, can be reached.
if ! getent hosts "$server" >/dev/null; then
    echo 'outgoing mail unnamed'
elif timeout 10 openssl s_client -starttls smtp -connect "$server:25" 2>&1 </dev/null |
    grep -q CONNECTED; then
    echo 'outgoing mail open'
else
    echo 'outgoing mail closed'
fi
