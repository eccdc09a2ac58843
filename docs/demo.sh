#!/bin/sh
# The demo: a bare server, deployed, proved, and used as a person uses a mail server.
# Run it with `make demo`, as often as you like.
set -eu
cd "$(dirname "$0")/.."
say() { printf '\n$ %s\n' "$*"; }
run() {
    say "$@"
    "$@"
}

run fab sandbox.up
run fab -H mail1 deploy
run fab -H mail1 verify
run fab -H mail1 domain.add example.com

password=$(python3 -c 'import secrets; print(secrets.token_urlsafe(12))')
for user in sales support; do
    say "fab -H mail1 user.add $user@example.com --password-stdin"
    printf '%s\n' "$password" | fab -H mail1 user.add "$user@example.com" --password-stdin
    say "fab -H mail1 user.passwd $user@example.com --password-stdin"
    printf '%s\n' "$password" | fab -H mail1 user.passwd "$user@example.com" --password-stdin
done
run fab -H mail1 forwarding.add info@example.com sales@example.com
run fab -H mail1 deploy

say "python3 docs/first_message.py"
printf '%s\n' "$password" | python3 docs/first_message.py 127.77.0.11 mail1.example.test \
    support@example.com sales@example.com
