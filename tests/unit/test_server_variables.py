"""The running server's variables: which values suit, what set them, and what changes them."""

from __future__ import annotations

import pytest

from fabfile.model.fact import State
from fabfile.model.host import Host, Platform
from fabfile.model.redact import SecretValue
from fabfile.resources.sql.settings import Cure, ServerVariable
from tasks.guide import GUIDE
from tasks.mysql import TABLES, mysql

OURS = "/etc/mysql/mariadb.conf.d/60-mailfab.cnf [mysqld]"
LATER = "/etc/mysql/mariadb.conf.d/99-x.cnf [server]"


def variable(name: str, **variables: str) -> ServerVariable:
    host = GUIDE.validate(Host("m", {"fqdn": "m.example.com", **variables}))
    secrets = {secret.name: SecretValue("x") for secret in GUIDE.secrets}
    resources = mysql(host.surveyed(Platform("debian", "12"), secrets))
    (found,) = [r for r in resources if isinstance(r, ServerVariable) and r.variable == name]
    return found


def state(value: str, configured: str = "", *places: str, option: str = "the option") -> State:
    found: dict[str, str | int | bool] = {"value": value}
    if places:
        found |= {"configured": configured, "option": option, "places": "\n".join(places)}
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bind_address", "127.0.0.1"),
        ("bind_address", "localhost"),
        ("bind_address", "127.0.0.1,::1"),
        ("skip_networking", "OFF"),
        ("port", "3306"),
        ("autocommit", "ON"),
        ("require_secure_transport", "OFF"),
    ],
)
def test_suitable_value_is_no_difference_and_no_warning(name: str, value: str) -> None:
    assert not variable(name).differences(state(value))
    assert variable(name).warning(state(value)) == ""


def test_unknown_variable_of_an_old_server_is_no_difference() -> None:
    assert not variable("bind_address").differences(None)
    assert variable("bind_address").warning(None) == ""


def test_option_file_tells_a_variable_that_the_server_does_not() -> None:
    """MySQL 5.1 has no variable bind_address."""
    found: State = {
        "configured": "0.0.0.0",
        "option": "bind-address=0.0.0.0",
        "places": f"{OURS}\n{LATER}",
    }
    assert "other machines can reach it" in variable("bind_address").warning(found)


@pytest.mark.parametrize(
    ("name", "value", "effect"),
    [
        ("bind_address", "0.0.0.0", "other machines can reach it"),
        ("bind_address", "*", "other machines can reach it"),
        ("bind_address", "::", "other machines can reach it"),
        ("bind_address", "127.0.0.1,192.0.2.7", "other machines can reach it"),
        ("bind_address", "192.0.2.7", "cannot look anything up"),
        ("bind_address", "::1", "cannot look anything up"),
        ("skip_networking", "ON", "cannot look anything up"),
        ("port", "3307", "cannot look anything up"),
        ("require_secure_transport", "ON", "no TLS on 127.0.0.1"),
        ("read_only", "ON", "cannot be changed"),
        ("skip_grant_tables", "ON", "without a password"),
        ("autocommit", "OFF", "do not see new accounts"),
    ],
)
def test_later_option_is_named_and_not_fought(name: str, value: str, effect: str) -> None:
    places = (OURS, LATER) if name == "bind_address" else (LATER,)
    found = state(value, value, *places, option=f"{name}={value}")
    assert not variable(name).differences(found)
    problem = variable(name).problem(found)
    assert problem
    assert effect in problem.found
    assert f"`{name}={value}` in {LATER}" in problem.found
    assert f"take `{name}={value}` out of {LATER}" in problem.remedy
    assert problem.cure is Cure.RESTART
    assert problem.found in variable(name).warning(found)


@pytest.mark.parametrize(
    "found",
    [
        state("0.0.0.0"),
        state("0.0.0.0", "127.0.0.1", OURS),
        state("0.0.0.0", "0.0.0.0", OURS),
        state("0.0.0.0", "0.0.0.0", "/etc/mysql/mariadb.conf.d/50-server.cnf [mysqld]"),
    ],
    ids=["set nowhere", "running from before", "our own entry", "our entry is still to come"],
)
def test_what_our_restart_changes_is_a_difference(found: State) -> None:
    bind = variable("bind_address")
    assert bind.differences(found) == {"value": ("0.0.0.0", "127.0.0.1")}
    assert bind.warning(found) == ""
    assert [str(due) for due in bind.notifies] == ["restart mariadb"]


def test_variable_set_in_the_running_server_is_left_and_named() -> None:
    read_only = variable("read_only")
    assert not read_only.differences(state("ON"))
    assert "SET GLOBAL read_only = OFF" in read_only.warning(state("ON"))


def test_clients_need_an_open_server() -> None:
    bind = variable("bind_address", db_clients="192.0.2.9")
    assert not bind.differences(state("0.0.0.0"))
    assert bind.differences(state("127.0.0.1")) == {"value": ("127.0.0.1", "0.0.0.0")}
    assert "db_clients cannot reach it" in bind.warning(
        state("127.0.0.1", "127.0.0.1", OURS, LATER)
    )


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ({"team": "varchar(9)", "required team": True}, "a column team that is NOT NULL"),
        ({"id": "char(9)", "constant id": True, "unique id": True}, "a unique column id"),
        ({"id": "int(11)", "constant id": True}, ""),
        ({"id": "int(11)", "unique id": True}, ""),
        ({"required email": True, "constant password": True, "unique email": True}, ""),
    ],
)
def test_columns_of_others_that_refuse_rows_are_named(found: State, named: str) -> None:
    (users,) = [table for table in TABLES if table.name == "users"]
    warning = users.warning({"email": "varchar(255)", "password": "varchar(255)", **found})
    assert named in warning
    assert bool(warning) == bool(named)
