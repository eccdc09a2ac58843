#!/bin/sh
# Make a certificate for imap.example.com, signed by itself, as CentOS 6's package does.

umask 077
openssl req -new -x509 -nodes -days 365 -newkey rsa:2048 \
    -subj "/OU=IMAP server/CN=imap.example.com/emailAddress=postmaster@example.com" \
    -out /etc/pki/dovecot/certs/dovecot.pem -keyout /etc/pki/dovecot/private/dovecot.pem
