"""A fact: one shell function over many keys, and the parser of what it prints.

A fact never fails. What cannot be read is absent from its answer, and absent is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fabfile.model import shell

Value = str | int | bool
"""The type of an attribute."""

State = Mapping[str, Value]
"""The state of a thing, found or desired: its attributes by name."""

States = dict[tuple[str, str], State]
"""The states of a host by fact name and key. A missing pair is an absent thing."""

Files = Callable[[Iterable[str]], Iterable[str]]
"""Returns the paths of the files that keys are about, each once."""

Carried = Callable[[Iterable[str], str], Iterable[str]]
"""Returns the keys to ask of the carrying fact, from a fact's own keys and its marker."""

Share = Callable[[Iterable[str], list[str]], list[str]]
"""Returns a fact's lines, from its keys and the whole answer of the fact that carries it."""

UNKNOWN = "?"
"""The key under which a fact says, as `reason`, that it could not look at its things at all."""


@dataclass(frozen=True)
class Fact:
    """A question to a host about many things of one kind.

    `shell` is the body of a POSIX shell function that gets the keys as arguments. `parse` turns
    its lines of output into states by key. Facts with the same `lane` are answered one after the
    other, while the other lanes' are.
    """

    name: str
    shell: str
    parse: Callable[[list[str]], dict[str, State]]
    lane: str = field(default="", kw_only=True)
    via: Fact | None = field(default=None, kw_only=True)
    """The fact through which this one travels; it has no shell of its own then."""
    carried: Carried = field(default=lambda keys, marker: (), kw_only=True)
    share: Share | None = field(default=None, kw_only=True)
    """None where the carrying fact prints the answer behind this fact's own marker."""


def file_fact(name: str, files: Files, parse: Callable[[list[str]], dict[str, State]]) -> Fact:
    """Return a fact about the text of files, which the host reads once, for all such facts.

    `parse` gets what `parse_files` takes, of its own files.
    """

    def share(keys: Iterable[str], answer: list[str]) -> list[str]:
        texts = by_file(answer)
        return [line for path in files(keys) for line in texts.get(path, ())]

    return Fact(
        name, "", parse, via=FILE_TEXT, carried=lambda keys, marker: files(keys), share=share
    )


def first_words(keys: Iterable[str]) -> Iterable[str]:
    """Return the files of a fact whose keys begin with one."""
    return dict.fromkeys(key.partition(" ")[0] for key in keys)


def by_file(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the lines of each file as they came, its `= NAME` heading with them."""
    files: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.startswith("= "):
            current = files.setdefault(line[2:], [])
        current.append(line)
    return files


def parse_files(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the lines of each file, from `= NAME` headings and lines that begin with `|`.

    The host adds the prefix, so the content of a file cannot look like a heading or a marker.
    """
    return {
        path: [line[1:] for line in found if line.startswith("|")]
        for path, found in by_file(lines).items()
    }


FILE_TEXT = Fact(
    "text",
    shell.program(__file__, "file_text.sh"),
    lambda lines: {},
)
"""Whole files, for the facts that `file_fact` returns; its answer is theirs."""
