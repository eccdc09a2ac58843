# The client of the database, as root of the server on this host. Part of the survey and of every
# apply script. No option file and no environment variable decides where it connects or what it
# prints. Only a user and a password are taken from root's own option file.

# sql [OPTION…]: run the statements on standard input as the server's root. Prints why it failed.
sql() {
    client=$(command -v mariadb || command -v mysql)
    # The server's own settings can change what statements mean, too.
    statements="SET NAMES utf8; SET sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
        autocommit = 1, sql_safe_updates = 0, sql_select_limit = 18446744073709551615;
$(cat)"
    for socket in /run/mysqld/mysqld.sock /var/run/mysqld/mysqld.sock /var/lib/mysql/mysql.sock ''; do
        if [ -S "$socket" ]; then break; fi
    done
    own_login
    said='ERROR 2002: no socket of a server was found'
    if [ -n "$socket" ] && any_login "$@"; then return; fi
    process=
    case $said in
    *'ERROR 2002'* | *'ERROR 2013'*)
        usual=$socket
        server_process
        if [ -n "$socket" ] && [ "$socket" != "$usual" ] && any_login "$@"; then return; fi
        ;;
    esac
    printf '%s%s\n' "$said" "$process" >&2
    return 1
}

# sql_from QUERY: run the statements that a query returns. The server computes them when they are
# needed, so they match its actual content.
sql_from() {
    found=$(printf '%s\n' "$1" | sql -N -r) || return
    printf '%s\n' "$found" | sql
}

# with_password COMMAND HASHED PLAIN: change a password by its hash. Where plug-ins check passwords
# (strict_password_validation), the server takes none that it cannot check: give it the password.
with_password() {
    refusal=$("$1" "$2" 2>&1) && return
    case $refusal in
    *'ERROR 1290'*password-validation*) "$1" "$3" ;;
    *)
        printf '%s\n' "$refusal" >&2
        return 1
        ;;
    esac
}

# run_sql STATEMENTS: run them.
run_sql() { printf '%s\n' "$1" | sql; }

# sql_escaped TEXT: print a text to stand in quotes in a statement.
sql_escaped() { printf '%s' "$1" | sed "s/[\\\\]/&&/g; s/'/''/g"; }

# sql_from_private QUERY: the same as sql_from, without the client's copy of a refused statement.
sql_from_private() {
    refusal=$(sql_from "$1" 2>&1) && return
    printf '%s\n' "$refusal" | grep '^ERROR' >&2
    return 1
}

# own_login: set user and password to those of root's option file, as the client itself reads them.
own_login() {
    user='' password=''
    [ -r /root/.my.cnf ] && command -v my_print_defaults >/dev/null || return 0
    while IFS= read -r option; do
        case $option in
        --user=* | --loose[-_]user=*) user=${option#*=} ;;
        --pass*=* | --loose[-_]pass*=*) password=${option#*=} ;;
        esac
    done <<END
$(my_print_defaults --defaults-file=/root/.my.cnf \
        client client-server client-mariadb mysql mariadb-client)
END
    # MySQL 8 hides it unless asked.
    [ "$password" != '*****' ] || password=$(my_print_defaults --defaults-file=/root/.my.cnf --show \
        client mysql | sed -n 's/^--pass[a-z]*=//p' | tail -n 1)
}

# any_login [OPTION…]: try the logins that root may have; set said to the error to show. The password
# in root's file may not be set yet: a crashed run wrote the file before the server knew it. Or the
# file holds the login of another server, or of a user with few rights.
any_login() {
    said=
    if [ -n "$user$password" ]; then
        if one_login "${user:-root}" "$password" "$@"; then return; fi
        is_refusal "$said" || return
    fi
    if one_login root '' "$@"; then return; fi
    [ -n "$password" ] && [ "${user:-root}" != root ] && is_refusal "$said" || return
    one_login root "$password" "$@"
}

# is_refusal TEXT: whether the server runs, and refuses the login or its rights, as
# mysqld_error.h numbers it: access denied (1044, 1045, 1698), to a host, table or statement (1130,
# 1142, 1227), for a lost plugin (1251, 1524, 2059), an old or expired password (1275, 2049, 1820,
# 1862), or a locked account (3118, 4151).
is_refusal() {
    case $1 in
    *'ERROR 1044'* | *'ERROR 1045'* | *'ERROR 1698'* | *'ERROR 1130'* | *'ERROR 1142'* | \
        *'ERROR 1227'* | *'ERROR 1251'* | *'ERROR 1524'* | *'ERROR 2059'* | *'ERROR 1275'* | \
        *'ERROR 2049'* | *'ERROR 1820'* | *'ERROR 1862'* | *'ERROR 3118'* | *'ERROR 4151'*) ;;
    *) return 1 ;;
    esac
}

# one_login USER PASSWORD [OPTION…]: run the client. The password is not in its arguments, its
# environment or a file: the client reads it as an option file, from a pipe on descriptor 3.
one_login() {
    {
        answer=$(
            exec 2>&1 >&4 4>&-
            # In double quotes, # and blanks are of the value, and a backslash escapes. MySQL reads
            # the login file in spite of --defaults-file.
            printf '[client]\npassword="%s"\n' "$(printf '%s\n' "$2" | sed 's/["\\]/\\&/g')" | {
                login=$1
                shift 2
                exec 3<&0
                printf '%s\n' "$statements" | env -i MYSQL_TEST_LOGIN_FILE=/dev/null/none "$client" \
                    --defaults-file=/proc/self/fd/3 "$@" --batch --user="$login" --host=localhost \
                    --protocol=socket --socket="$socket" --connect-timeout=10 \
                    --default-character-set=utf8
            }
        )
    } 4>&1 && return
    if [ -z "$said" ] || ! is_refusal "$answer"; then said=$answer; fi
    return 1
}

# server_process: set process to what is known about the server's process, and socket to the path on
# which it listens.
server_process() {
    process='; no mariadbd or mysqld runs' socket=
    for pid in $(pidof mariadbd mysqld); do
        process="; process $pid of the server runs, but does not listen on a socket"
        # In /proc/net/unix (proc(5)) a listening socket has the flag __SO_ACCEPTCON.
        # shellcheck disable=SC2012  # the links' targets, in one process
        socket=$(ls -l "/proc/$pid/fd" | awk 'NR == FNR {
            if (match($0, /socket:\[[0-9]+/)) ours[substr($0, RSTART + 8, RLENGTH - 8)]
            next
        }
        $4 == "00010000" && $5 == "0001" && $7 in ours && !/mysqlx.sock$/ && match($0, / \/.*/) {
            print substr($0, RSTART + 1)
            exit
        }' - /proc/net/unix)
        [ -n "$socket" ] || continue
        process="; process $pid of the server listens on $socket"
        [ -S "$socket" ] || process="$process, whose file is missing"
        return
    done
}
