# The fact `sql`: one run of the client answers every key. Keys are `database NAME`, to list its
# tables, `variable NAME` of the server, and `statements …`, the queries of other facts. $open has the
# queries for unsafe defaults. Option files are read only if a variable is not as most servers have it.
command -v mariadb >/dev/null || command -v mysql >/dev/null || return 0
schemas="''"
variables=
wanted="''"
more=
for key; do
    case "$key" in
    "database "*) schemas="$schemas, '${key#database }'" ;;
    "variable "*) variables="$variables ${key#variable }" wanted="$wanted, '${key#variable }'" ;;
    "statements "*) more="$more${key#statements }" ;;
    esac
done
ask() {
    # First the table that only root can read: another login has printed nothing then.
    sql -N -B <<END
SELECT 'account', User, Host, Password, ssl_type FROM mysql.user;
SELECT 'variable', LOWER(VARIABLE_NAME), VARIABLE_VALUE FROM information_schema.GLOBAL_VARIABLES
    WHERE VARIABLE_NAME IN ($wanted);
SELECT 'database', SCHEMA_NAME FROM information_schema.SCHEMATA;
SELECT 'column', TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE,
    IF(IS_NULLABLE = 'YES' OR EXTRA <> '' OR DATA_TYPE = 'enum', '',
        IF(COLUMN_DEFAULT IS NULL, 'required', 'constant'))
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN ($schemas);
SELECT 'unique', TABLE_SCHEMA, TABLE_NAME, MIN(COLUMN_NAME)
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA IN ($schemas) AND NON_UNIQUE = 0
    GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME HAVING COUNT(*) = 1;
SELECT 'grant', GRANTEE, TABLE_SCHEMA, PRIVILEGE_TYPE
    FROM information_schema.SCHEMA_PRIVILEGES WHERE TABLE_SCHEMA IN ($schemas);
$open
$more
END
}
answer=$({
    failure=$(ask 2>&1 >&3 3>&-) || {
        is_refusal "$failure" && verdict=refused || verdict=unknown
        printf '%s\t%s\n' "$verdict" "$failure"
    }
} 3>&1)
tab=$(printf '\t')
for variable in $variables; do
    case $variable in
    bind_address) usual=127.0.0.1 ;;
    port) usual=3306 ;;
    autocommit) usual=ON ;;
    *) usual=OFF ;;
    esac
    case $answer in
    *"variable$tab$variable$tab$usual"*) ;;
    *)
        explain_options
        break
        ;;
    esac
done
# Last, since answers to other facts end it.
printf '%s\n' "$answer"
