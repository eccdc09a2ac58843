"""Each recorded answer of a host is parsed as the file beside it says.

A case is two files in tests/data/facts/FACT/: NAME.txt, as the host printed it, and NAME.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fabfile.engine.survey import questions
from fabfile.model.fact import Fact
from fabfile.model.host import Host, Platform
from tasks.guide import GUIDE

CASES = sorted((Path(__file__).resolve().parents[1] / "data" / "facts").glob("*/*.txt"))


def facts() -> dict[str, Fact]:
    """Return every fact that the guide asks."""
    host = GUIDE.validate(Host("m", {"fqdn": "m.example.com", "updates": "yes"}))
    asked = [*questions(GUIDE, GUIDE.sections, host), GUIDE.preflight_fact]
    return {fact.name: fact for fact in asked if fact}


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recorded_answer_is_parsed_to_its_states(case: Path) -> None:
    fact = facts()[case.parent.name]
    wanted = json.loads(case.with_suffix(".json").read_text())
    assert fact.parse(case.read_text().splitlines()) == wanted


@pytest.mark.parametrize("name", facts())
def test_empty_answer_gives_no_states(name: str) -> None:
    assert facts()[name].parse([]) in ({}, {"": {}})


def test_every_fact_has_a_recorded_answer() -> None:
    assert {case.parent.name for case in CASES} == facts().keys()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3.7.11-0+deb12u1", (3, 7, 11)),
        ("1:2.3.19.1+dfsg1-2.1+deb12u7", (2, 3, 19, 1)),
        ("2:2.6.6-8.el6", (2, 6, 6)),
        ("10.11", (10, 11)),
        ("", ()),
    ],
)
def test_package_version_gives_upstream_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert Platform("debian", "12", versions={"p": text}).version("p") == numbers
