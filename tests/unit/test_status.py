"""What `status` says of a section: not installed where there is nothing of it yet."""

from __future__ import annotations

import pytest

from fabfile.engine.plan import SectionPlan, section_plan
from fabfile.model.fact import States
from fabfile.model.host import Host, Platform
from fabfile.model.redact import SecretValue
from fabfile.resources.sql.client import SQL
from tasks.guide import GUIDE

SYSTEMS = (Platform("debian", "12"), Platform("el", "6"))


def planned(name: str, platform: Platform, states: States) -> SectionPlan:
    """Return the plan of one of the guide's sections on a host with these states."""
    host = GUIDE.validate(Host.from_inventory("m", {"fqdn": "m.example.org"}))
    secrets = {secret.name: SecretValue("x") for secret in GUIDE.secrets}
    (section,) = GUIDE.named([name])
    resources = section(host.surveyed(platform, secrets))
    return section_plan(section, resources, states, ())


@pytest.mark.parametrize("platform", SYSTEMS, ids=str)
@pytest.mark.parametrize("name", ["packages", "mysql", "postfix", "dovecot", "aliases"])
def test_a_section_is_missing_on_a_bare_host(name: str, platform: Platform) -> None:
    assert planned(name, platform, {}).missing


@pytest.mark.parametrize("platform", SYSTEMS, ids=str)
@pytest.mark.parametrize("name", ["mysql", "postfix", "dovecot"])
def test_a_section_is_there_once_one_thing_that_it_creates_is(
    name: str, platform: Platform
) -> None:
    bare = planned(name, platform, {})
    for change in bare.changes:
        resource = change.resource
        one = {(resource.fact.name, resource.key): resource.desired() or {}}
        assert not planned(name, platform, one).missing, resource.title


def test_a_right_variable_of_a_fresh_database_server_does_not_count() -> None:
    found: States = {(SQL.name, "variable port"): {"value": "3306"}}
    assert planned("mysql", SYSTEMS[0], found).missing
