"""Check, then restart; keep, then replace: what a program refuses is not activated.

Dovecot's template has a test of its own in test_refusals.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from fabfile.engine.deploy import survey_host
from fabfile.model.errors import ApplyError
from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Resource, Restart
from fabfile.model.section import Section
from fabfile.resources.ini import IniOption
from tasks.guide import GUIDE
from tasks.mysql import CHECK, DATABASE_NAMES
from tasks.resources.postconf import PostconfParameter
from tasks.services import reload_postfix, restart_postfix
from tests.e2e.conftest import SandboxHost


def option(name: str, value: str) -> Callable[[SurveyedHost], Resource]:
    """Return what sets an option of the database server, which a restart must follow."""

    def made(host: SurveyedHost) -> Resource:
        due = Restart(DATABASE_NAMES(host).service, check=CHECK)
        return IniOption(DATABASE_NAMES(host).config, "mysqld", name, value, notify=due)

    return made


@dataclass(frozen=True)
class Refused:
    """A change that a program refuses, when it is checked or when it is started with it."""

    change: Callable[[SurveyedHost], Resource]
    says: str
    untouched: str = ""
    """Shell whose output is the same before and after if the service was not touched."""


POSTFIX = "cat /var/spool/postfix/pid/master.pid"
MYSQL = "pidof mariadbd mysqld"
CHANGES = {
    "postfix, a value": Refused(
        lambda host: PostconfParameter("inet_protocols", "ipv9", notify=reload_postfix(host)),
        r"does not pass its check.*1 files were restored.*not touched.*inet_protocols",
        POSTFIX,
    ),
    "postfix, an address that is not ours": Refused(
        lambda host: PostconfParameter(
            "inet_interfaces", "203.0.113.9", notify=restart_postfix(host)
        ),
        r"restart postfix failed.*1 files were restored|does not pass its check.*1 files",
    ),
    "mysql, an option": Refused(
        option("no-such-option", "1"),
        r"does not pass its check.*1 files were restored.*not touched.*no-such-option",
        MYSQL,
    ),
    "mysql, an address that there is not": Refused(
        option("bind-address", "nowhere.invalid"), r"restart .* failed.*1 files were restored"
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_old_files_come_back_and_the_service_runs(box: SandboxHost, name: str) -> None:
    case = CHANGES[name]
    section = Section("trial", "A trial", lambda host: iter([case.change(host)]))
    guide = replace(GUIDE, sections=[section], variables=GUIDE.table.variables)
    look = f"md5sum /etc/postfix/main.cf $database_config; {case.untouched}"
    before = box.sh(look)
    with box.connect() as c, pytest.raises(ApplyError, match=f"(?s){case.says}"):
        survey_host(guide, guide.sections, c.target, c, c.report).deploy("a test")
    assert box.sh(look) == before
    # It runs with what it had, and mail flows.
    assert " 0 failed" in box.fab("verify").stdout.splitlines()[-1]
    box.fab("deploy")
    assert box.fab("deploy").stdout == f"{box.name}: 0 changed, 0 failed\n"
    # The maps name the database twice and survive one restart of it within a minute
    # (mysql_table(5)). These tests restart it more often, and each is followed by a look at mail.
    box.sh("postfix reload")


def test_garbage_in_master_cf_stops_the_deploy_and_mail_flows(box: SandboxHost) -> None:
    before = box.sh(POSTFIX)
    box.sh("echo garbage >>/etc/postfix/master.cf; postconf -e virtual_mailbox_base=/srv")
    run = box.fab("deploy", code=1)
    assert re.search(r"master\.cf, line \d+: .*eight fields.*: garbage", run.stdout + run.stderr)
    assert box.sh(POSTFIX) == before
    box.sh("sed -i '/^garbage$/d' /etc/postfix/master.cf")
    assert " 0 failed" in box.fab("verify").stdout.splitlines()[-1]
