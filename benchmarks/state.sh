# Print the state of a deployed server. Tools that did the same work give the same text.
postconf -n | sed -n 's/ = */ = /p' | sed 's/  */ /g; s/, / /g'
postconf -M | sed 's/[[:space:]][[:space:]]*/ /g' | sort
doveconf -n | grep -v '^#'
# shellcheck disable=SC2012
newest=$(ls -t /etc/aliases /etc/aliases.db | head -n 1)
echo "alias database current: $newest"
grep -E '^(postmaster|root):' /etc/aliases | sed 's/:[[:space:]]*/: /'
for map in /etc/postfix/mysql-virtual_*.cf; do
    echo "$map"
    grep -v '^#' "$map" | sort | grep .
done
grep -vE '^(#|$)' /etc/dovecot/dovecot-sql.conf.ext ~root/.mail_admin.cnf | sort
stat -c '%A %U:%G %n' /etc/postfix/mysql-virtual_*.cf /etc/dovecot/dovecot.conf \
    /etc/dovecot/dovecot-sql.conf.ext /etc/dovecot/dovecot.conf-backup /home/vmail \
    ~root/.mail_admin.cnf /etc/ssl/certs/mailfab.pem /etc/ssl/private/mailfab.key
openssl x509 -in /etc/ssl/certs/mailfab.pem -noout -subject -ext subjectAltName
getent passwd vmail
getent group vmail
mariadb -NB <<'END'
SELECT 'database', SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 2;
SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, COLUMN_KEY
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mail' ORDER BY 1, 2;
SELECT User, Host, authentication_string FROM mysql.user ORDER BY 1, 2;
SELECT GRANTEE, TABLE_SCHEMA, PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES
    ORDER BY 1, 2, 3;
SELECT @@bind_address;
END
for service in mariadb postfix postfix@- dovecot; do
    echo "$service $(systemctl is-active $service) $(systemctl is-enabled $service 2>&1)"
done
dpkg-query -W -f '${Package} ${db:Status-Status}\n' | grep -E '^(postfix|dovecot|mariadb-server)'
