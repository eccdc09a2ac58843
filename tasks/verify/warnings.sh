# The fact `postfix_warnings`: what Postfix's programs warn of in main.cf and master.cf, each once.
postconf -n 2>&1 >/dev/null | sed 's/^[^ ]*postconf: *//; s/^warning: *//' | sort -u | head -n 20
