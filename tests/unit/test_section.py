"""A guide derives its tables from what its sections carry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fabfile.model.errors import InventoryError
from fabfile.model.fact import Fact
from fabfile.model.host import Host, Platform, SurveyedHost
from fabfile.model.resource import Resource
from fabfile.model.section import CheckGroup, Guide, Secret, section
from fabfile.model.variables import Values, Variable
from fabfile.resources.file import File
from tasks.guide import GUIDE
from tasks.validators import number, yes_no

VERSION = Fact("version", "", lambda lines: {})


def two_limits(values: Values) -> Iterator[str]:
    if int(values.checked["soft"]) > int(values.checked["hard"]):
        yield "soft is above hard"


@section(
    "One",
    variables=(Variable("soft", number, "1", ""), Variable("hard", number, "2", "")),
    rules=(two_limits,),
    secrets=(Secret("token", validator=str), Secret("made")),
    ports={8891: ("opendkim",)},
    packages=lambda host: ("opendkim",),
    versions=("apt opendkim",),
    platform_facts=(VERSION,),
    checks=(CheckGroup("Late", "x:late", 90), CheckGroup("Early", "x:early", 5)),
    commands={"dkim": "x:collection"},
)
def one(host: SurveyedHost) -> Iterator[Resource]:
    yield File("/one", host["soft"])


@section("Two", variables=(Variable("two", yes_no, "no", ""),), switch="two", ports={1: ("two",)})
def two(host: SurveyedHost, guide: Guide) -> Iterator[Resource]:
    """Ask the guide."""
    yield File("/two", " ".join(guide.packages_on(host)))


MADE = Guide(
    [one, two],
    version_fact=VERSION,
    version_keys=lambda p: (p, f"offer {p}"),
    commands={"v": "y:v"},
)


def host(**variables: str) -> SurveyedHost:
    return MADE.candidate(MADE.validate(Host("m", variables)), Platform("debian", "12"))


def test_tables_have_what_the_sections_carry() -> None:
    assert [variable.name for variable in MADE.table.variables] == ["soft", "hard", "two"]
    assert list(MADE.table.secrets) == ["token"]
    assert [secret.name for secret in MADE.secrets] == ["token", "made"]
    assert MADE.versions == {VERSION: ("apt opendkim", "offer apt opendkim")}
    assert MADE.platform_facts == [VERSION]
    assert [group.name for group in MADE.check_groups(host())] == ["Early", "Late"]
    assert MADE.all_commands == {"v": "y:v", "dkim": "x:collection"}


def test_a_section_that_is_off_has_nothing_on_the_host() -> None:
    assert [resource.key for resource in MADE.resources(host())] == ["/one"]
    assert MADE.ports_on(host()) == {8891: ("opendkim",)}


def test_a_section_that_is_on_may_ask_the_guide() -> None:
    _, asked = MADE.resources(host(two="yes"))
    assert isinstance(asked, File)
    assert asked.content == "opendkim"
    assert MADE.ports_on(host(two="yes")) == {8891: ("opendkim",), 1: ("two",)}


def test_rules_of_sections_refuse_variables_that_do_not_fit() -> None:
    with pytest.raises(InventoryError, match=r"m: .*\n *soft is above hard"):
        host(soft="3")


def test_no_name_is_declared_twice_in_the_guide() -> None:
    names = [variable.name for variable in GUIDE.table.variables]
    names += [secret.name for secret in GUIDE.secrets]
    assert len(names) == len(set(names))
    ports = [port for part in GUIDE.sections for port in part.ports_on(whole())]
    assert len(ports) == len(set(ports))


def whole() -> SurveyedHost:
    """Return a host that has every section."""
    switches = {part.switch: "yes" for part in GUIDE.sections if part.switch}
    made = GUIDE.validate(Host("m", {"fqdn": "m.example.com", **switches}))
    return GUIDE.candidate(made, Platform("debian", "12"))
