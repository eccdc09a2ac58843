# Fails when the database server would not accept its configuration.
PATH=$PATH:/usr/libexec
server=$(command -v mariadbd || command -v mysqld)
"$server" --user=mysql --help --verbose >/dev/null
# MySQL 5.1 accepts any option then, and leaves it to plug-ins. So start it for a moment, on an empty
# folder: it touches no file of the running server. Options of plug-ins that were installed in the real
# one cannot be tried (mysql.plugin).
data=$(my_print_defaults mysqld | sed -n 's/^--datadir=//p' | tail -n 1)
if [ ! -s "${data:-/var/lib/mysql}/mysql/plugin.MYD" ] &&
    "$server" --no-defaults --user=mysql --help --verbose --no-such-option >/dev/null 2>&1; then
    empty=$(mktemp -d /tmp/mailfab-check.XXXXXX)
    chown mysql "$empty"
    code=0
    "$server" --user=mysql --bootstrap --skip-grant-tables --datadir="$empty" --tmpdir="$empty" \
        --socket="$empty/socket" --pid-file="$empty/pid" --log-error="$empty/errors.err" \
        --default-storage-engine=MyISAM --loose-skip-innodb --loose-skip-log-bin \
        --loose-skip-general-log --loose-skip-slow-query-log --loose-innodb-data-home-dir= \
        --loose-innodb-log-group-home-dir="$empty" </dev/null >"$empty/output" 2>&1 || code=$?
    [ $code -eq 0 ] || cat "$empty"/output "$empty"/*.err
    rm -rf "$empty"
    [ $code -eq 0 ]
fi
