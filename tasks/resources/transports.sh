# The fact `transports`: the rows of mail.transport, as long as main.cf does not ask the table yet.
# Needs the fact `sql`.
! grep -qs '^transport_maps.*mysql-virtual_transports' /etc/postfix/main.cf || return 0
fact_sql "statements SELECT '= rows';
SELECT COUNT(*) FROM mail.transport;
SELECT CONCAT(domain, ' ', transport) FROM mail.transport WHERE domain <> '' ORDER BY domain LIMIT $rows;
" | sed '1,/^= rows$/d'
