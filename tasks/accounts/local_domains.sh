# The fact `local_domains`: the domains whose mail is for local accounts (mydestination), expanded.
name=$(postconf -h myhostname) domain=$(postconf -h mydomain)
# shellcheck disable=SC2020  # each becomes a newline
postconf -h mydestination | tr ', ' '\n\n' |
    sed -e "s/^\$myhostname$/$name/; s/^\$mydomain$/$domain/"
