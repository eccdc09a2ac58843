"""What differs between two servers, one set up by the guide's commands, one by mailfab.

Each difference must be in the table of expected ones, and each entry there must be found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.e2e.snapshot import Snapshot

ABSENT = "–"
ANYTHING = "*"


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same; a value is ABSENT where there is no such thing."""

    aspect: str
    name: str
    guide: str
    mailfab: str

    def __str__(self) -> str:
        return f"{self.aspect}: {self.name}: {self.guide} | {self.mailfab}"


@dataclass(frozen=True)
class ExpectedDifference:
    """Differences that are meant, and why. In name and values `*` stands for anything."""

    aspect: str
    name: str
    guide: str
    mailfab: str
    why: str

    def explains(self, found: Difference) -> bool:
        """Whether a difference is this one."""
        return self.aspect == found.aspect and all(
            fits(pattern, text)
            for pattern, text in (
                (self.name, found.name),
                (self.guide, found.guide),
                (self.mailfab, found.mailfab),
            )
        )


def fits(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern says, which never stands for something absent."""
    if ABSENT in (pattern, text):
        return text == pattern
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split(ANYTHING))), text))


def differences(guide: Snapshot, mailfab: Snapshot) -> Iterator[Difference]:
    """Yield what differs, aspect by aspect."""
    assert guide.keys() == mailfab.keys()
    for aspect, theirs in guide.items():
        ours = mailfab[aspect]
        for name in sorted(theirs.keys() | ours.keys()):
            one, other = theirs.get(name, ABSENT), ours.get(name, ABSENT)
            if one != other:
                yield Difference(aspect, name, one, other)


@dataclass
class Comparison:
    """What is the same, what differs as intended, what differs, and what should differ."""

    same: dict[str, int] = field(default_factory=dict)
    """How many things are the same, for each aspect."""
    explained: list[tuple[Difference, ExpectedDifference]] = field(default_factory=list)
    unexplained: list[Difference] = field(default_factory=list)
    stale: list[ExpectedDifference] = field(default_factory=list)

    def __str__(self) -> str:
        lines = ["The guide's server | mailfab's server"]
        for aspect, count in self.same.items():
            lines.append(f"\n{aspect}: {count} the same")
            for found, intended in self.explained:
                if found.aspect == aspect:
                    lines.append(f"  {found.name}: {found.guide} | {found.mailfab}")
                    lines.append(f"      {intended.why}")
            lines += [f"  NOT EXPECTED {d}" for d in self.unexplained if d.aspect == aspect]
        lines += [f"\nNO LONGER DIFFERS {i.aspect}: {i.name} ({i.why})" for i in self.stale]
        return "\n".join(lines)


def compare(
    guide: Snapshot, mailfab: Snapshot, intended: Sequence[ExpectedDifference]
) -> Comparison:
    """Return how two servers compare."""
    found = list(differences(guide, mailfab))
    result = Comparison()
    for aspect, theirs in guide.items():
        names = theirs.keys() | mailfab[aspect].keys()
        result.same[aspect] = len(names) - sum(1 for d in found if d.aspect == aspect)
    for difference in found:
        entry = next((i for i in intended if i.explains(difference)), None)
        if entry:
            result.explained.append((difference, entry))
        else:
            result.unexplained.append(difference)
    used = [entry for _, entry in result.explained]
    result.stale = [i for i in intended if i not in used]
    return result
