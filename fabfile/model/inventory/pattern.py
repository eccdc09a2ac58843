"""Host patterns of an inventory: a name, an optional port, and ranges such as `mail[01:20]`.

Source: docs.ansible.com, "Adding ranges of hosts", and the behaviour of ansible-inventory 2.19.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Iterator, Sequence
from itertools import product

LARGEST = 65_536
"""Maximum number of hosts that one pattern stands for."""

BRACKETED_PORT = r"\[(.+)\]:([0-9]{1,99})"
PORT = r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]{1,99})"


class InvalidPattern(Exception):
    """A pattern stands for no hosts: `args[0]` says why, without its text: it may be a secret."""


def read(pattern: str) -> tuple[Sequence[str], int | None]:
    """Return the hosts of a pattern, and their port if it ends with one. Raises InvalidPattern."""
    if ":" not in pattern and "[" not in pattern:
        return [pattern], None
    name, port = _split(pattern)
    if port is None and pattern.strip().endswith(":"):
        raise InvalidPattern("a name ends with a colon, and has no port behind it")
    return list(expand(name)) if "[" in name else [name], port


def _split(pattern: str) -> tuple[str, int | None]:
    """Return name and port. What is not a host with a port is a name as a whole."""
    name, port = pattern, None
    # Both, one after the other: as Ansible does.
    for form in (BRACKETED_PORT, PORT):
        if found := re.fullmatch(form, name):
            name, port = found[1], int(found[2])
    if port is None or not (_names().fullmatch(name) or _addresses().fullmatch(name)):
        return pattern, None
    return name, port


# A port is split off only from what looks like a host; otherwise the colon is part of the name.
# Compiled on demand: most inventories have no such port, and it takes milliseconds.
STEP = r"(?::[0-9]+)?\]"


@functools.cache
def _names() -> re.Pattern[str]:
    """Return the form of names and addresses of IPv4, with ranges."""
    piece = rf"(?:\w|\[[0-9]+:[0-9]+{STEP}|\[[a-z]:[a-z]{STEP})"
    label = rf"{piece}(?:{piece}|-)*(?<![_-])"
    return re.compile(rf"{label}(?:\.{label})*", re.IGNORECASE)


@functools.cache
def _addresses() -> re.Pattern[str]:
    """Return the form of addresses of IPv6, with ranges."""
    word = rf"(?:[0-9a-f]{{1,4}}|\[[0-9a-f]+:[0-9a-f]+{STEP})"
    dotted = rf"(?:{word}\.){{3}}{word}"
    forms = [
        rf"(?:{word}:){{7}}{word}",
        rf"(?:{word}:){{1,6}}:",
        *(rf"(?:{word}:){{{n}}}(?::{word}){{1,{7 - n}}}" for n in range(1, 7)),
        rf":(?::{word}){{1,6}}",
        rf"{word}?::",
        rf"(?:0:){{6}}{dotted}",
        rf"::(?:ffff:)?{dotted}",
        rf"(?:0:){{5}}ffff:{dotted}",
    ]
    return re.compile("|".join(forms), re.IGNORECASE)


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
