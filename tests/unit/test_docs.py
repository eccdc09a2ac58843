"""What the documentation lists is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from fabfile.model.variables import CONNECTION
from tasks.guide import GUIDE

ROOT = Path(__file__).resolve().parents[2]


def test_every_variable_is_in_the_table() -> None:
    table = (ROOT / "docs" / "variables.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.M))
    assert set(rows) == {
        *(v.name for v in GUIDE.table.variables),
        *GUIDE.table.secrets,
        *CONNECTION,
    }
    for variable in GUIDE.table.variables:
        if isinstance(variable.default, str):
            assert rows[variable.name] in (
                f"`{variable.default}`",
                "–" if not variable.default else "",
            )


def test_every_section_is_in_the_guide_table() -> None:
    table = (ROOT / "docs" / "guide.md").read_text()
    for section in GUIDE.sections:
        if section.beyond_guide:
            continue
        assert f"## {section.title} — `tasks/{section.name}.py`" in table


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
