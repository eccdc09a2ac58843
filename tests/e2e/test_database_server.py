"""The database that mailfab works on is the one that Postfix and Dovecot ask.

No option file and no environment variable changes that, or how the client prints its answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from tests.e2e.conftest import SandboxHost, only
from tests.e2e.systems import DEBIAN11, DEBIAN12, DEBIAN13

ELSEWHERE = "host=192.0.2.50\nport=3307\nprotocol=tcp\nuser=foreign\npassword='not # ours'\n"
OUTPUT = (
    "table\nvertical\nhtml\nsafe-updates\nskip-column-names=0\ndelimiter=//\n"
    "default-character-set=latin1\ninit-command=SELECT 1\nraw\nforce\nverbose\n"
)
OPTION_FILES = {
    "/root/.my.cnf": f"[client]\n{ELSEWHERE}[mysql]\n{OUTPUT}",
    "/etc/mysql/conf.d/zz.cnf": f"[client]\n{ELSEWHERE}[mysql]\n{OUTPUT}[client-mariadb]\n{OUTPUT}",
    "/etc/my.cnf": f"[client-server]\nsocket=/nonexistent\n[mariadb-client]\n{OUTPUT}{ELSEWHERE}",
}
ENVIRONMENT = """\
MYSQL_HOST=192.0.2.50
MYSQL_TCP_PORT=3307
MYSQL_UNIX_PORT=/nonexistent
MYSQL_PWD=other
MYSQL_HOME=/root
MYSQL_GROUP_SUFFIX=_other
"""


def unchanged(box: SandboxHost) -> None:
    assert box.fab("plan").stdout == f"{box.name}: 0 would change, 0 failed\n"


def test_option_files_and_environment_change_nothing(box: SandboxHost) -> None:
    """With the address of another server in them, and another form of the output."""
    box.sh("mkdir -p /etc/mysql/conf.d; cp -p /etc/environment /root")
    for path, text in OPTION_FILES.items():
        # In front of what root's file has: its own password counts.
        box.sh(
            f"touch {path}; cp -p {path} {path}.kept\n"
            f"{{ cat <<'END'\n{text}END\ncat {path}.kept; }} >{path}"
        )
    try:
        box.sh(f"cat >>/etc/environment <<'END'\n{ENVIRONMENT}END")
        unchanged(box)
        # The foreign password is refused, and root gets in as before.
        box.fab("mysql")
    finally:
        for path in OPTION_FILES:
            box.sh(f"mv {path}.kept {path}; [ -s {path} ] || rm {path}")
        box.sh("mv /root/environment /etc")


def test_refused_root_is_known_before_the_first_change(box: SandboxHost) -> None:
    box.sh("postconf -e 'message_size_limit = 1'; cp /root/.my.cnf /root/kept || :; lock_root_out")
    try:
        box.sh("rm -f /root/.my.cnf")
        for task in ("plan", "deploy"):
            run = box.fab(task, code=1)
            assert "ERROR 1045" in run.stderr, task
            assert "/root/.my.cnf" in run.stderr, task
        assert "  FAIL  database: " in box.fab("preflight", code=1).stdout
        assert box.sh("postconf -h message_size_limit") == "1\n"
        # The remedy works, in any form that the client itself reads.
        login = '[mysql]\nuser = "root"\n password=  "unheard-of" # ours'
        box.sh(f"cat >/root/.my.cnf <<'END'\n{login}\nEND")
        assert "1 changed" in box.fab("deploy").stdout
    finally:
        box.sh("let_root_in; mv /root/kept /root/.my.cnf || :")


@pytest.mark.parametrize(
    ("state", "undo", "remedy"),
    [
        ("rm $socket", "restart $database", "restart the server, which makes the file again"),
        ("kill -STOP $pid", "kill -CONT $pid", "does not answer on its socket"),
        ("stop $database", "start $database", ""),
    ],
    ids=["its socket was removed", "it hangs", "it is stopped"],
)
def test_unreachable_server_is_told_from_a_stopped_one(
    box: SandboxHost, state: str, undo: str, remedy: str
) -> None:
    words = "socket=$(sql 'SELECT @@socket'); pid=$(pidof mariadbd mysqld)\n"
    known = box.sh(f'{words}echo "socket=$socket pid=$pid"')
    box.sh(f"{known}{state}")
    try:
        run = box.fab("plan", code=1 if remedy else 2)
    finally:
        box.sh(f"{known}{undo}")
    assert remedy in run.stderr
    assert ("running no → yes" in run.stdout) == (not remedy)


def test_a_socket_elsewhere_is_found(box: SandboxHost) -> None:
    box.sh("cp -p $database_config /root/kept; mkdir -p /srv/db; chown mysql /srv/db")
    box.sh("printf '[mysqld]\\nsocket=/srv/db/its own.sock\\n' >>$database_config")
    try:
        box.sh("restart $database")
        unchanged(box)
    finally:
        box.sh("cp -p /root/kept $database_config; restart $database")


def set_globally(settings: Iterable[tuple[str, str]]) -> str:
    """Return shell that sets variables of the server: strings, or numbers."""
    values = [f"{name} = " + (f"'{v}'" if name == "sql_mode" else v) for name, v in settings]
    return "\n".join(f'sql "SET GLOBAL {value}"' for value in values)


def test_settings_of_the_server_do_not_change_what_statements_mean(box: SandboxHost) -> None:
    kept = ("sql_mode", "sql_safe_updates", "sql_select_limit", "group_concat_max_len")
    before = [box.sh(f"sql 'SELECT @@global.{name}'").strip() for name in kept]
    odd = ["ANSI,NO_BACKSLASH_ESCAPES,ORACLE", "1", "1", "4"]
    box.sh(set_globally(zip(kept, odd, strict=True)))
    try:
        unchanged(box)
        # With two differences, one statement of which changes rows.
        box.sh("sql \"SET sql_mode = ''; CREATE DATABASE test; DROP TABLE mail.transport\"")
        assert "2 changed" in box.fab("mysql").stdout
        box.fab("domain.list")
    finally:
        box.sh(set_globally(zip(kept, before, strict=True)))


LATER = """\
[mysqld]
bind-address=0.0.0.0 # for the office
[server]
loose-require_secure_transport = 1
read-only
"""


def test_settings_of_later_files_are_named_by_plan_and_verify(box: SandboxHost) -> None:
    """What a later file has, our own file cannot change: no remedy leads back to it."""
    later = box.sh("dirname $database_config").strip() + "/zzz.cnf"
    if later == "/etc/zzz.cnf":
        box.sh(f"cp -p $database_config /root/kept; echo '!include {later}' >>$database_config")
    box.sh(f"cat >{later} <<'END'\n{LATER}END\nrestart $database")
    try:
        plan = box.fab("plan").stdout
        for option in ("bind-address=0.0.0.0", "loose-require_secure_transport = 1", "read-only"):
            assert f"`{option}` in {later} [" in plan
        told = box.fab("verify", code=1).stdout
        assert f"take `bind-address=0.0.0.0` out of {later} [mysqld], then restart" in told
        box.sh(f"printf '[mysqld]\\nskip-networking\\n' >{later}; restart $database")
        told = box.fab("verify", code=1).stdout
        assert f"take `skip-networking` out of {later} [mysqld], then restart" in told
        assert f"`skip-networking` in {later} [mysqld] sets it" in box.fab("plan").stdout
    finally:
        box.sh(f"rm {later}; [ ! -e /root/kept ] || mv /root/kept $database_config")
    # The server still runs with it: nothing but a restart is left to do.
    assert "1 changed" in box.fab("deploy").stdout
    unchanged(box)


@only(DEBIAN11, DEBIAN12, DEBIAN13, because="MySQL 5.1 has no plug-in that checks passwords")
def test_password_check_of_the_server_is_passed(box: SandboxHost) -> None:
    """The server takes no hash then, and our own password must have what it asks for."""
    again = 'sql "DROP USER mail_reader@localhost"'
    box.sh(f"sql \"INSTALL SONAME 'simple_password_check'\"; {again}")
    try:
        box.fab("mysql")
        unchanged(box)
        box.sh(f"sql 'SET GLOBAL simple_password_check_minimal_length = 100'; {again}")
        error = box.fab("mysql", code=1).stderr
        assert "ERROR 1819" in error
        assert "set db_password and db_lookup_password in the inventory" in error
        box.write_inventory(db_lookup_password="Long-enough-1." * 8)
        box.fab("deploy")
    finally:
        box.sh("sql \"UNINSTALL SONAME 'simple_password_check'\"")


def test_column_that_refuses_new_rows_is_named(box: SandboxHost) -> None:
    box.sh('sql "ALTER TABLE mail.users ADD team varchar(9) NOT NULL, ADD mine int NULL"')
    box.fab("domain.add", "column.example.org")
    user = ("user.add", "me@column.example.org", "--password-stdin")
    try:
        plan = box.fab("plan").stdout
        assert "mail.users has a column team that is NOT NULL without a default" in plan
        assert "mine" not in plan
        error = box.fab(*user, stdin="password-1\n", code=1).stderr
        assert "team" in error
        assert "mysql.plan" not in error
        box.sh("sql \"ALTER TABLE mail.users ALTER COLUMN team SET DEFAULT ''\"")
        unchanged(box)
        box.fab(*user, stdin="password-1\n")
    finally:
        box.sh("sql 'ALTER TABLE mail.users DROP team, DROP mine'")
        box.fab("domain.remove", "column.example.org", "--yes")


def test_rollback_of_everything_leaves_a_server_that_can_be_deployed(box: SandboxHost) -> None:
    """The passwords in the database stay, so the files that hold them stay as well."""
    secrets = "md5sum /root/.my.cnf /root/.mail_*.cnf /etc/postfix/mysql-*.cf; :"
    before = box.sh(secrets)
    runs = re.findall(r"^\s*(\d{8}T[0-9.]+Z-[0-9a-f]+)", box.fab("history").stdout, re.MULTILINE)
    # What comes back is no mail server, so verify fails.
    box.fab("rollback", "--to", min(runs), code=1)
    assert box.sh(secrets) == before
    box.fab("deploy")
    unchanged(box)
    assert " passed, 0 failed" in box.fab("verify").stdout
