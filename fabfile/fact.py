"""A fact: one shell function over many keys, and the parser of what it prints.

A fact never fails. What cannot be read is absent from its answer, and absent is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

Value = str | int | bool
"""What an attribute can be."""

State = Mapping[str, Value]
"""What a thing is, or should be: its attributes by name."""

States = dict[tuple[str, str], State]
"""What was found on a host, by fact name and key. A missing pair is an absent thing."""


UNKNOWN = "?"
"""The key under which a fact says, as `reason`, that it could not look at its things at all."""


@dataclass(frozen=True)
class Fact:
    """A question to a host about many things of one kind.

    `shell` is the body of a POSIX shell function that gets the keys as arguments. `parse` turns
    its lines of output into states by key. `slow` facts are answered while the others are asked.
    """

    name: str
    shell: str
    parse: Callable[[list[str]], dict[str, State]]
    slow: bool = field(default=False, kw_only=True)


def unprefixed(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the lines of each file, from `= NAME` headings and lines that begin with `|`.

    The prefix, put there by `sed`, is what makes it impossible for a file's content to look like
    a heading or like a marker of ours.
    """
    files: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.startswith("= "):
            current = files.setdefault(line[2:], [])
        elif line.startswith("|"):
            current.append(line[1:])
    return files


# Prints each file that can be read, in the form that `unprefixed` reads.
CAT = """\
for f do
    [ -f "$f" ] && [ -r "$f" ] || continue
    printf '= %s\\n' "$f"
    sed 's/^/|/' "$f"
    echo
done
"""
