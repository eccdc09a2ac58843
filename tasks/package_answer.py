"""The fact `installable`: what apt or yum says about the packages of a deploy, line by line."""

from __future__ import annotations

import re

from fabfile.model import shell
from fabfile.model.fact import Fact, State, States
from fabfile.resources.packages.apt import APT_SOURCES
from fabfile.resources.packages.manager import ASK_YUM

SUBJECT, SOURCE = "packages", "package source"
"""The subjects of findings."""

_APT = APT_SOURCES + shell.program(__file__, "installable_apt.sh")
_YUM = ASK_YUM + shell.program(__file__, "installable_yum.sh")


def _parse(lines: list[str]) -> dict[str, State]:
    return {str(number): {"line": line} for number, line in enumerate(lines)}


INSTALLABLE = Fact(
    "installable",
    f"if command -v apt-get >/dev/null; then\n{_APT}\nelse\n{_YUM}\nfi",
    _parse,
)


class Answer:
    """The lines of the fact, by their first word."""

    def __init__(self, states: States) -> None:
        self._lines: dict[str, list[str]] = {}
        for (fact, _), state in states.items():
            if fact == INSTALLABLE.name:
                kind, _, rest = str(state["line"]).partition(" ")
                self._lines.setdefault(kind, []).append(rest)

    def __getitem__(self, kind: str) -> list[str]:
        return self._lines.get(kind, [])

    def words(self, kind: str, number: int) -> list[list[str]]:
        """Return lines split into `number` words, of which the last may have blanks."""
        split = (line.split(" ", number - 1) for line in self[kind])
        return [[*line, *[""] * (number - len(line))] for line in split]


def lacking(answer: Answer) -> list[str]:
    """Return the packages that no source has."""
    pattern = r"Package '([^']+)' has no installation candidate|Unable to locate package (\S+)"
    found = (re.search(pattern, line) for line in answer["install"])
    return [match[1] or match[2] for match in found if match]
