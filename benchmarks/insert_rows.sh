# Insert users with a mysql client for each row, as a loop in an administrator's shell would.
# COUNT: how many users. STORED: the stored password of each.
mariadb -e 'CREATE DATABASE IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.users;
    CREATE TABLE bench.users LIKE mail.users'
i=0
while [ "$i" -lt "$COUNT" ]; do
    mariadb bench -e "INSERT INTO users (email, password) VALUES ('user$i@example.org', '$STORED')"
    i=$((i + 1))
done
mariadb -e 'DROP DATABASE bench'
