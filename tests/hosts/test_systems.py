"""Every supported system but the one that all other tests run on: deployed, proved, at peace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fabfile.sandbox.server import Server
from tests.hosts.conftest import Box

WARNINGS = """
postconf 2>&1 >/dev/null
postfix check 2>&1
doveconf -n 2>&1 >/dev/null
newaliases 2>&1
"""


@pytest.fixture(scope="module", params=["debian11", "debian13"])
def system(
    request: pytest.FixtureRequest, server: Box, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Box]:
    """A bare server with another system."""
    folder = tmp_path_factory.mktemp(request.param)
    box = Box(
        Server(f"{server.name}{request.param[-2:]}", image=request.param), folder / "inventory.ini"
    )
    box.be_bare()
    yield box
    box.server.down()


def test_sections_one_by_one_then_nothing(system: Box) -> None:
    """As a person goes through the guide; each finds what the one before has left."""
    for section in ("packages", "mysql", "postfix", "dovecot", "aliases"):
        system.fab(section)
    assert system.fab("deploy").stdout == f"{system.name}: 0 changed, 0 failed\n"


def test_mail_flows(system: Box) -> None:
    assert " passed, 0 failed" in system.fab("verify").stdout


def test_no_program_warns_of_its_configuration(system: Box) -> None:
    assert system.sh(WARNINGS) == ""


def test_a_changed_file_is_healed(system: Box) -> None:
    system.sh("echo '# meddled' >>/etc/dovecot/dovecot.conf; systemctl stop postfix")
    assert "2 would change" in system.fab("plan", code=2).stdout
    assert system.fab("deploy").stdout.endswith(f"{system.name}: 2 changed, 0 failed\n")
    assert " passed, 0 failed" in system.fab("verify").stdout
