"""Whatever one breaks by hand: the plan shows exactly that, and its section heals exactly that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fabfile.connection import Connection
from fabfile.deploy import Plan
from tests.hosts.breakages import Breakage, breakages, example
from tests.hosts.conftest import Box

CASES = list(breakages(example()))


@pytest.fixture(scope="module")
def c(server: Box) -> Iterator[Connection]:
    """One connection for the whole walk."""
    server.be_deployed()
    connection = server.connect()
    yield connection
    connection.close()
    server.fab("deploy")


def titles(plan: Plan) -> set[str]:
    return {change.resource.title for part in plan.sections for change in part.changes}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_heal(deployed: Box, c: Connection, case: Breakage) -> None:
    deployed.sh(case.script)
    try:
        found = titles(deployed.plan(c))
        assert found - set(case.perhaps) == case.titles
        done = deployed.deploy(c, case.section)
        assert done.changed == len(case.titles)
        assert deployed.plan(c).changes == 0
    except BaseException:
        # So that one failure is not the failure of all that follow.
        deployed.fab("deploy", code=None)
        raise
