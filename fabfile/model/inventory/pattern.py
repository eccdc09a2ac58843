"""Host patterns of an inventory: a name, an optional port, and ranges such as `mail[01:20]`.

Source: docs.ansible.com, "Adding ranges of hosts", and the behaviour of ansible-inventory 2.19.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

LARGEST = 65_536
"""Maximum number of hosts that one pattern stands for."""

# A port is split off only from what looks like a host; otherwise the colon is part of the name.
_STEP = r"(?::[0-9]+)?\]"
_NUMBERS = rf"\[[0-9]+:[0-9]+{_STEP}"
_LETTERS = rf"\[[a-z]:[a-z]{_STEP}"
_PIECE = rf"(?:\w|{_NUMBERS}|{_LETTERS})"
_LABEL = rf"{_PIECE}(?:{_PIECE}|-)*(?<![_-])"
NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)

_HEX = rf"(?:[0-9a-f]{{1,4}}|\[[0-9a-f]+:[0-9a-f]+{_STEP})"
_DOTTED = rf"(?:{_HEX}\.){{3}}{_HEX}"
IPV6 = re.compile(
    "|".join(
        [
            rf"(?:{_HEX}:){{7}}{_HEX}",
            rf"(?:{_HEX}:){{1,6}}:",
            *(rf"(?:{_HEX}:){{{n}}}(?::{_HEX}){{1,{7 - n}}}" for n in range(1, 7)),
            rf":(?::{_HEX}){{1,6}}",
            rf"{_HEX}?::",
            rf"(?:0:){{6}}{_DOTTED}",
            rf"::(?:ffff:)?{_DOTTED}",
            rf"(?:0:){{5}}ffff:{_DOTTED}",
        ]
    ),
    re.IGNORECASE,
)
BRACKETED_PORT = re.compile(r"\[(.+)\]:([0-9]{1,99})")
PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]{1,99})")


class InvalidPattern(Exception):
    """A pattern stands for no hosts: `args[0]` says why, without its text: it may be a secret."""


class Hosts(NamedTuple):
    """What a pattern stands for."""

    names: Sequence[str]
    port: int | None


def read(pattern: str) -> Hosts:
    """Return the hosts of a pattern, and their port if it ends with one. Raises InvalidPattern."""
    if ":" not in pattern and "[" not in pattern:
        return Hosts([pattern], None)
    name, port = _split(pattern)
    if port is None and pattern.strip().endswith(":"):
        raise InvalidPattern("a name ends with a colon, and has no port behind it")
    return Hosts(list(expand(name)) if "[" in name else [name], port)


def _split(pattern: str) -> tuple[str, int | None]:
    """Return name and port. What is not a host with a port is a name as a whole."""
    name, port = pattern, None
    # Both, one after the other: as Ansible does.
    for form in (BRACKETED_PORT, PORT):
        if found := form.fullmatch(name):
            name, port = found[1], int(found[2])
    if port is None or not (NAME.fullmatch(name) or IPV6.fullmatch(name)):
        return pattern, None
    return name, port


def expand(pattern: str) -> Iterator[str]:
    """Yield the names of a pattern: `m[01:03]` is m01, m02, m03; `[a:c]` is a, b, c.

    Raises InvalidPattern, before the first name.
    """
    fixed, ranges = [], []
    rest = pattern
    while "[" in rest:
        head, _, behind = rest.partition("[")
        inside, bracket, rest = behind.partition("]")
        # Ansible takes the first closing bracket, wherever it is, and no bar anywhere.
        if not bracket or "]" in head or "|" in pattern:
            raise InvalidPattern("brackets without a range: write it as mail[01:20]")
        fixed.append(head)
        ranges.append(_range(inside))
    count = 1
    for one in ranges:
        count *= len(one)
    if count > LARGEST:
        raise InvalidPattern(f"a range has {count} hosts; at most {LARGEST} can be written as one")
    for chosen in product(*ranges):
        yield "".join(f"{a}{b}" for a, b in zip(fixed, chosen, strict=True)) + rest


class _Numbers(Sequence[str]):
    """The numbers of a range as text, made on demand: the range may be far too large."""

    def __init__(self, numbers: range, width: int) -> None:
        self._numbers, self._width = numbers, width

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return str(self._numbers[index]).zfill(self._width)


def _range(text: str) -> Sequence[str]:
    """Return the members of a range; none if it ends before its beginning."""
    first, *more = text.split(":")
    if not 1 <= len(more) <= 2:
        raise InvalidPattern("brackets without a range: write it as [FIRST:LAST] or [1:9:STEP]")
    first, last = first or "0", more[0]
    if not last:
        raise InvalidPattern("a range has no end")
    width = len(first) if first[0] == "0" and len(first) > 1 else 0
    if width and width != len(last):
        raise InvalidPattern("a range needs as many digits at its end as at its beginning: [01:20]")
    try:
        step = int(more[1]) if len(more) > 1 else 1
        if first in string.ascii_letters and last in string.ascii_letters and step:
            begin, end = string.ascii_letters.index(first), string.ascii_letters.index(last)
            if begin > end:
                raise InvalidPattern("a range of letters ends before its beginning")
            return string.ascii_letters[begin : end + 1 : step]
        numbers = range(int(first), int(last) + 1, step)
        len(numbers)
    except (ValueError, OverflowError):
        raise InvalidPattern("a range is neither one of numbers nor one of letters") from None
    return _Numbers(numbers, width)
