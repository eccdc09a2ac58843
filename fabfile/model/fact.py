"""A fact: one shell function that answers for many keys, and the parser of its output.

A fact never fails. Keys that cannot be read are missing from its answer; their state is None.
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
"""Returns the paths of the files that the keys refer to, each once."""

Carried = Callable[[Iterable[str], str], Iterable[str]]
"""Returns the keys for the carrying fact, from a fact's own keys and its marker."""

Share = Callable[[Iterable[str], list[str]], list[str]]
"""Returns a fact's lines, from its keys and the whole answer of the carrying fact."""

UNKNOWN = "?"
"""The key whose `reason` says why a fact could not read any of its things. It is `final` if no
change of ours makes them known, as with a login that the server refuses."""


@dataclass(frozen=True)
class Fact:
    """A question to a host about many things of one kind.

    `shell` is the body of a POSIX shell function that gets the keys as arguments. `parse` turns
    its lines of output into states by key. Facts of one `lane` run one after the other; the lanes
    run at the same time.
    """

    name: str
    shell: str
    parse: Callable[[list[str]], dict[str, State]]
    lane: str = field(default="", kw_only=True)
    via: Fact | None = field(default=None, kw_only=True)
    """The fact that carries this one, which then has no shell of its own."""
    carried: Carried = field(default=lambda keys, marker: (), kw_only=True)
    share: Share | None = field(default=None, kw_only=True)
    """None if the carrying fact prints the answer after this fact's own marker."""


def file_fact(name: str, files: Files, parse: Callable[[list[str]], dict[str, State]]) -> Fact:
    """Return a fact about the text of files. All such facts share one read of each file.

    `parse` gets the lines of its own files, in the format of `parse_files`.
    """

    def share(keys: Iterable[str], answer: list[str]) -> list[str]:
        texts = by_file(answer)
        return [line for path in files(keys) for line in texts.get(path, ())]

    return Fact(
        name, "", parse, via=FILE_TEXT, carried=lambda keys, marker: files(keys), share=share
    )


def first_words(keys: Iterable[str]) -> Iterable[str]:
    """Return the files of keys that begin with a path."""
    return dict.fromkeys(key.partition(" ")[0] for key in keys)


def by_file(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the unchanged lines of each file, with its `= NAME` heading."""
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
"""The text of whole files. It carries the facts that `file_fact` returns."""
