"""The client of the database: which server it asks, as whom, and what decides its output."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabfile.engine import survey
from fabfile.model import shell
from fabfile.model.errors import ApplyError
from fabfile.model.fact import UNKNOWN, State
from fabfile.model.redact import SecretValue
from fabfile.model.resource import Restart
from fabfile.resources.file import File
from fabfile.resources.sql.accounts import RootPassword, SqlAccount
from fabfile.resources.sql.client import SQL, SQL_CLIENT, native_hash, sql_remedy
from tests.scratch import Scratch
from tests.shell.conftest import Bench
from tests.shell.test_files import Benches

REFUSED = "echo \"ERROR 1045 (28000): Access denied for user '$user'@'localhost'\" >&2; exit 1"

# A client as the server and its root's password demand it; it notes how it was called.
CLIENT = """\
for word; do case $word in --user=*) user=${word#--user=} ;; esac; done
given=$(cat "${1#--defaults-file=}")
printf '%s\\n' "$*" >>CALLS
printf '%s\\n' "$given" >>GIVEN
env | grep -E '^(MYSQL|LIBMYSQL)' | sort >>CALLS
cat >>STATEMENTS
LOGIN
"""


@pytest.fixture
def listening(scratch: Scratch, tmp_path: Path) -> Iterator[str]:
    """The path of a socket on which a server listens; this process is the server."""
    path = str(tmp_path / "its own.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        scratch.stub("pidof", f"echo {os.getpid()}")
        yield path


def client(scratch: Scratch, login: str = "") -> None:
    script = CLIENT.replace("CALLS", str(scratch.root / "calls"))
    script = script.replace("STATEMENTS", str(scratch.root / "statements"))
    script = script.replace("GIVEN", str(scratch.root / "given"))
    scratch.stub("mariadb", script.replace("LOGIN", login))


def calls(scratch: Scratch) -> list[str]:
    return (scratch.root / "calls").read_text().splitlines()


def own_login(scratch: Scratch, user: str, password: str) -> None:
    """Have root's option file, as its parser prints it."""
    scratch.path("/root").mkdir(exist_ok=True)
    scratch.path("/root/.my.cnf").write_text("[client]\nhost=192.0.2.50\n")
    lines = [f"--user={user}"] * bool(user) + [f"--password={password}"] * bool(password)
    words = shell.words("--host=192.0.2.50", "--table", *lines)
    scratch.stub("my_print_defaults", f"printf '%s\\n' {words}")


def run(scratch: Scratch, environment: str = "") -> str:
    return scratch.run_script(
        shell.script(SQL_CLIENT, f"{environment}\necho 'SELECT 1;' | sql -N -B 2>&1")
    )


def test_client_asks_the_local_server_with_options_of_its_own(
    scratch: Scratch, listening: str
) -> None:
    client(scratch)
    run(
        scratch,
        "export MYSQL_HOST=192.0.2.50 MYSQL_TCP_PORT=1 MYSQL_UNIX_PORT=/x MYSQL_PWD=x "
        "MYSQL_HOME=/x MYSQL_GROUP_SUFFIX=x LIBMYSQL_PLUGINS=x",
    )
    call, *environment = calls(scratch)
    assert call.split()[0] == "--defaults-file=/proc/self/fd/3"
    assert (scratch.root / "given").read_text() == '[client]\npassword=""\n'
    for option in ("--protocol=socket", "--host=localhost", f"--socket={listening}", "--user=root"):
        assert option in call
    assert environment == ["MYSQL_TEST_LOGIN_FILE=/dev/null/none"]


def test_only_user_and_password_of_roots_file_are_used(scratch: Scratch, listening: str) -> None:
    client(scratch)
    own_login(scratch, "admin", ' it\'s # "a" \\ pass\\n; ')
    run(scratch)
    call, *environment = calls(scratch)
    assert "--user=admin" in call
    assert "192.0.2.50" not in call
    assert "table" not in call
    assert "it's" not in call
    assert environment == ["MYSQL_TEST_LOGIN_FILE=/dev/null/none"]
    (_, password) = (scratch.root / "given").read_text().splitlines()
    assert password == r'''password=" it's # \"a\" \\ pass\\n; "'''


@pytest.mark.parametrize(
    ("login", "users"),
    [
        ('[ "$user" = other ] || exit 0; ' + REFUSED, ["other", "root"]),
        (
            f"""case $given$user in *'"right"root') exit 0 ;; esac; {REFUSED}""",
            ["other", "root", "root"],
        ),
        (REFUSED, ["other", "root", "root"]),
        ("echo 'ERROR 1064 (42000): syntax' >&2; exit 1", ["other"]),
    ],
    ids=["of another server", "the password is root's", "nothing fits", "a wrong statement"],
)
def test_logins_are_tried_as_long_as_they_are_refused(
    scratch: Scratch, listening: str, login: str, users: list[str]
) -> None:
    client(scratch, login)
    own_login(scratch, "other", "right")
    run(scratch)
    assert [
        word.partition("=")[2]
        for call in calls(scratch)
        for word in call.split()
        if word.startswith("--user=")
    ] == users


def test_statements_do_not_depend_on_the_servers_sql_mode(scratch: Scratch, listening: str) -> None:
    client(scratch)
    run(scratch)
    first = (scratch.root / "statements").read_text()
    assert first.index("SET sql_mode") < first.index("SELECT 1;")


def reason(scratch: Scratch) -> State:
    return survey.ask(scratch, {SQL: {"database mail": None}})[SQL.name, UNKNOWN]


CANNOT = 'echo "ERROR 2002 (HY000): Can\'t connect to local server" >&2; exit 1'


def test_refused_login_is_final_and_has_a_remedy(scratch: Scratch, listening: str) -> None:
    client(scratch, REFUSED)
    state = reason(scratch)
    assert state["final"] is True
    assert "/root/.my.cnf" in sql_remedy(str(state["reason"]))


def test_missing_socket_file_is_told_from_a_stopped_server(
    scratch: Scratch, listening: str
) -> None:
    client(scratch, CANNOT)
    Path(listening).unlink()
    state = reason(scratch)
    assert state["final"] is False
    assert "whose file is missing" in str(state["reason"])
    assert "restart the server" in sql_remedy(str(state["reason"]))
    scratch.stub("pidof", "exit 1")
    assert "is not running" in sql_remedy(str(reason(scratch)["reason"]))
    # A process that listens on no socket.
    scratch.stub("pidof", "echo 1")
    scratch.stub("ls", "exit 0")
    assert "still starting" in sql_remedy(str(reason(scratch)["reason"]))


@pytest.mark.parametrize("number", [1044, 1045, 1130, 1251, 1524, 1698, 1820, 1862, 4151, 2059])
def test_every_refusal_of_the_server_has_a_remedy(
    scratch: Scratch, listening: str, number: int
) -> None:
    client(scratch, f"echo 'ERROR {number} (HY000): no' >&2; exit 1")
    state = reason(scratch)
    assert state["final"] is True
    assert sql_remedy(str(state["reason"]))


def root_password(scratch: Scratch, bench: Benches, check: str) -> Bench:
    """Return a bench whose server's root has no password until its file is there."""
    scratch.path("/root").mkdir(exist_ok=True)
    client(
        scratch,
        f"[ -e {scratch.root}/root/.my.cnf ] || "
        "printf 'open\\troot without password\\troot@localhost\\n'",
    )
    return bench(
        File("/etc/x.cnf", "new\n", notify=Restart("some", check=check)),
        RootPassword(SecretValue("password")),
    )


def test_roots_password_stays_after_a_failed_check(
    scratch: Scratch, listening: str, bench: Benches
) -> None:
    with pytest.raises(ApplyError, match="does not pass its check"):
        root_password(scratch, bench, "false").deploy()
    assert not scratch.path("/etc/x.cnf").exists()
    assert "password = password" in scratch.path("/root/.my.cnf").read_text()


def test_roots_password_stays_after_a_rollback(
    scratch: Scratch, listening: str, bench: Benches
) -> None:
    scratch.stub("systemctl", "exit 0")
    scratch.stub("service", "exit 0")
    scratch.stub("sleep", "exit 0")
    target = root_password(scratch, bench, "true")
    target.deploy()
    # An earlier version of mailfab kept the file's state before the run, and listed it.
    (run_folder,) = (scratch.root / "var/lib/mailfab/runs").iterdir()
    (run_folder / "absent/root").mkdir(parents=True)
    (run_folder / "absent/root/.my.cnf").write_text("")
    with (run_folder / "replaced").open("a") as replaced:
        replaced.write("/root/.my.cnf\n")
    assert target.survey().roll_back(None, "a test").changed == 1
    assert not scratch.path("/etc/x.cnf").exists()
    assert scratch.path("/root/.my.cnf").exists()


def test_option_files_are_read_in_the_servers_order(scratch: Scratch, listening: str) -> None:
    """Includes at their place, groups of the server alone, every spelling of an option."""
    client(scratch, "printf 'variable\\tbind_address\\t0.0.0.0\\nvariable\\tport\\t3306\\n'")
    scratch.path("/etc/more d").mkdir()
    scratch.path("/etc/my.cnf").write_text(
        "[client]\nport=1\n[mysqld]\nbind_address = 1.1.1.1  # first\npassword=secret\n"
        f"!includedir {scratch.path('/etc/more d')}/\n[mysqld]\nskip-net\n"
    )
    scratch.path("/etc/more d/b.cnf").write_text("[mariadb-10.11]\r\nport = '3306'\r\n")
    scratch.path("/etc/more d/a.cnf").write_text("[server]\nloose-bind-address=2.2.2.2\n")
    scratch.path("/etc/more d/not.read").write_text("[server]\nport=9\n")
    scratch.stub(
        "my_print_defaults",
        f"printf 'Default options are read from the following files in the given order:\\n"
        f"{scratch.root}/etc/my.cnf /nonexistent ~/.my.cnf \\n'",
    )
    keys = dict.fromkeys(f"variable {name}" for name in ("bind_address", "port", "skip_networking"))
    states = survey.ask(scratch, {SQL: keys})
    bind = states[SQL.name, "variable bind_address"]
    assert bind["value"] == "0.0.0.0"
    assert bind["configured"] == "2.2.2.2"
    assert bind["option"] == "loose-bind-address=2.2.2.2"
    assert str(bind["places"]).split("\n") == ["/etc/my.cnf [mysqld]", "/etc/more d/a.cnf [server]"]
    assert states[SQL.name, "variable port"]["places"] == "/etc/more d/b.cnf [mariadb-10.11]"
    assert states[SQL.name, "variable port"]["configured"] == "3306"
    assert states[SQL.name, "variable skip_networking"]["configured"] == "ON"
    assert "secret" not in str(states)


def test_usual_server_costs_no_reading_of_option_files(scratch: Scratch, listening: str) -> None:
    client(scratch, "printf 'variable\\tbind_address\\t127.0.0.1\\n'")
    scratch.stub("my_print_defaults", f"touch {scratch.root}/asked")
    survey.ask(scratch, {SQL: {"variable bind_address": None}})
    assert not (scratch.root / "asked").exists()


CHECKED = "ERROR 1290 (HY000): running with the --strict-password-validation option"


@pytest.mark.parametrize("resource", ["account", "root"])
def test_password_itself_is_given_only_to_a_server_that_checks_it(
    scratch: Scratch, listening: str, bench: Benches, resource: str
) -> None:
    scratch.path("/root").mkdir()
    said = scratch.root / "statements"
    answers = f"""
        case $(tail -n 1 {said}) in *"*2470"*) echo "{CHECKED}" >&2; exit 1 ;; esac
        [ -e {scratch.root}/done ] ||
            printf 'open\\troot without password\\troot@localhost\\n'
        ! grep -q "IDENTIFIED BY 'password'" {said} ||
            printf 'account\\tu\\th\\t*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19\\t\\n'
        ! grep -q "PASSWORD(''password'')" {said} || touch {scratch.root}/done
    """
    client(scratch, answers)
    account = SqlAccount("u", "h", SecretValue("password"))
    bench(account if resource == "account" else RootPassword(SecretValue("password"))).deploy()
    assert not any("password" in call.replace(str(scratch.root), "") for call in calls(scratch))


@pytest.mark.parametrize(
    "password", ["single # quoted", "it's a \\ and \\\\", "password"], ids=["#", "'", "ours"]
)
def test_root_gets_the_password_that_its_client_reads_in_the_file(
    scratch: Scratch, listening: str, bench: Benches, password: str
) -> None:
    """The survey's own reading of a quoted or commented value may differ from the client's."""
    said = scratch.root / "statements"
    done = f"[ -e {scratch.root}/done ]"
    client(
        scratch,
        f"! tail -n 2 {said} | grep -q 'CONCAT(.SET PASSWORD' || touch {scratch.root}/done\n"
        f"{done} || printf 'open\\troot without password\\troot@localhost\\n'",
    )
    own_login(scratch, "", password)
    before = scratch.path("/root/.my.cnf").read_text()
    bench(RootPassword(SecretValue("password"))).deploy()
    assert scratch.path("/root/.my.cnf").read_text() == before
    text = password.replace("\\", "\\\\").replace("'", "''")
    own = f"' = PASSWORD(', QUOTE('{text}'), ')'"
    hashed = f"' = ''{native_hash('password')}''"
    assert (hashed if password == "password" else own) in said.read_text()
