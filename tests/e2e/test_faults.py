"""A sample of tests/fault_injection: one deploy, and a fault of each kind somewhere in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import SandboxHost, only
from tests.e2e.systems import DEBIAN12
from tests.fault_injection import injection_points
from tests.fault_injection.fault_run import Reference, inject_fault, reference
from tests.fault_injection.faults import KINDS
from tests.fault_injection.scenarios import FQDN, SAMPLE, add_user

pytestmark = only(
    DEBIAN12, because="a sample is enough: make test-faults injects into both systems"
)

SHARE = {"power": 0.3, "cut": 0.5, "kill": 0.7, "die": 0.9}
"""How far into the deploy each kind of fault is injected."""


@pytest.fixture(scope="module")
def wanted(server: SandboxHost) -> Iterator[Reference]:
    """What the deploy is like that nothing disturbs."""
    server.be_deployed()
    server.write_inventory(fqdn=FQDN)
    server.fab("deploy")
    add_user(server)
    injection_points.install(server)
    yield reference(server, SAMPLE)
    injection_points.remove(server)
    server.write_inventory()
    server.fab("user.remove", "sales@shop.example", "--yes")
    server.fab("deploy")


@pytest.mark.parametrize("kind", SHARE)
def test_a_fault_heals(server: SandboxHost, wanted: Reference, kind: str) -> None:
    assert kind in KINDS
    outcome = inject_fault(server, SAMPLE, kind, round(SHARE[kind] * len(wanted.calls)), wanted)
    assert outcome.call, "the deploy has fewer points than the undisturbed one"
    assert not outcome.problems, outcome
