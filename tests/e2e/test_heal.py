"""Each drift made by hand is exactly what the plan shows and what its section heals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fabfile.engine.plan import Plan
from fabfile.fleet.host_connection import HostConnection
from tests.e2e.conftest import SandboxHost
from tests.e2e.drift_cases import DriftCase, can_drift, drift_cases
from tests.e2e.systems import System


def cases(system: System) -> list[DriftCase]:
    """Every way to break every resource that the guide has on the system."""
    return list(drift_cases(system))


@pytest.fixture(scope="module")
def c(server: SandboxHost) -> Iterator[HostConnection]:
    """One connection for the whole walk."""
    server.be_deployed()
    connection = server.connect()
    yield connection
    connection.close()
    server.fab("deploy")


def titles(plan: Plan) -> set[str]:
    return {change.resource.title for part in plan.sections for change in part.changes}


def test_nothing_is_left_out(deployed: SandboxHost, c: HostConnection) -> None:
    """The cases are those of the system as it is described, which it must really be."""
    plan = deployed.plan(c)
    resources = [resource for part in plan.sections for resource in part.resources]
    real = {resource.title for resource in resources if can_drift(resource, deployed.system)}
    assert real == {case.resource.title for case in cases(deployed.system)}
    assert plan.host.system.family == deployed.system.platform.family
    assert plan.host.system.major == deployed.system.platform.major


def test_heal(deployed: SandboxHost, c: HostConnection, case: DriftCase) -> None:
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
