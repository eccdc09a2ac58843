# The fact `sql`: one run of the client answers every key. Keys are `database NAME`, to list its
# tables, and `statements …`, the queries of other facts. $open has the queries for unsafe defaults.
client=$(command -v mariadb || command -v mysql) || return 0
schemas="''"
more=
for key; do
    case "$key" in
    "database "*) schemas="$schemas, '${key#database }'" ;;
    "statements "*) more="$more${key#statements }" ;;
    esac
done
ask() {
    "$client" -N -B --connect-timeout=10 "$@" <<END
SELECT 'database', SCHEMA_NAME FROM information_schema.SCHEMATA;
SELECT 'column', TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN ($schemas);
SELECT 'unique', TABLE_SCHEMA, TABLE_NAME, MIN(COLUMN_NAME)
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA IN ($schemas) AND NON_UNIQUE = 0
    GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME HAVING COUNT(*) = 1;
SELECT 'account', User, Host, Password, ssl_type FROM mysql.user;
SELECT 'grant', GRANTEE, TABLE_SCHEMA, PRIVILEGE_TYPE
    FROM information_schema.SCHEMA_PRIVILEGES WHERE TABLE_SCHEMA IN ($schemas);
$open
$more
END
}
{
    # Root's password may be in its file, but not yet set on the server.
    failure=$(ask 2>&1 >&3 3>&-) || case $failure in
    *'ERROR 1045'*) failure=$(ask --password= 2>&1 >&3 3>&-) ;;
    *) false ;;
    esac || printf 'unknown\t%s\n' "$failure"
} 3>&1
