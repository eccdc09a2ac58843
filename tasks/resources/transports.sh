# The fact `transports`: the rows of mail.transport, as long as main.cf does not ask the table yet.
# Needs client.sh.
command -v mariadb >/dev/null || command -v mysql >/dev/null || return 0
! grep -qs '^transport_maps.*mysql-virtual_transports' /etc/postfix/main.cf || return 0
sql -N -B <<END
SELECT COUNT(*) FROM mail.transport;
SELECT CONCAT(domain, ' ', transport) FROM mail.transport WHERE domain <> '' ORDER BY domain LIMIT $rows;
END
