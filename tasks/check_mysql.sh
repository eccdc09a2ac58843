# Fails when the database server would not accept its configuration.
PATH=$PATH:/usr/libexec
server=$(command -v mariadbd || command -v mysqld)
"$server" --user=mysql --help --verbose >/dev/null
