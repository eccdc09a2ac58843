"""A sample of tests/faults: one deploy, and a fault of each kind somewhere in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import points
from tests.faults.kinds import KINDS
from tests.faults.scenarios import FQDN, SAMPLE, add_user
from tests.faults.trial import Reference, reference, trial
from tests.hosts.conftest import Box, only
from tests.hosts.systems import DEBIAN12

pytestmark = only(DEBIAN12, because="a sample is enough: make test-faults strikes both systems")

SHARE = {"power": 0.3, "cut": 0.5, "kill": 0.7, "die": 0.9}
"""How far into the deploy each kind strikes."""


@pytest.fixture(scope="module")
def wanted(server: Box) -> Iterator[Reference]:
    """What the deploy is like that nothing disturbs."""
    server.be_deployed()
    server.write_inventory(fqdn=FQDN)
    server.fab("deploy")
    add_user(server)
    points.install(server)
    yield reference(server, SAMPLE)
    points.remove(server)
    server.write_inventory()
    server.fab("user.remove", "sales@shop.example", "--yes")
    server.fab("deploy")


@pytest.mark.parametrize("kind", SHARE)
def test_a_fault_heals(server: Box, wanted: Reference, kind: str) -> None:
    assert kind in KINDS
    outcome = trial(server, SAMPLE, kind, round(SHARE[kind] * len(wanted.calls)), wanted)
    assert outcome.call, "the deploy has fewer points than the undisturbed one"
    assert not outcome.problems, outcome
