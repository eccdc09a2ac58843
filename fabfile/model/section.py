"""A section of the guide: a pure function from a host to the resources it asks for, in order.

It does no I/O and is sent nothing back, so it can be evaluated for a host that has not been
reached yet, for another platform, and as often as one likes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fabfile.model.fact import Fact, States
from fabfile.model.host import Host, Platform
from fabfile.model.preflight import Finding
from fabfile.model.resource import Change, Resource


@dataclass(frozen=True)
class Section:
    """A named part of the guide. Calling it with a host yields the host's resources."""

    name: str
    title: str
    function: Callable[[Host], Iterator[Resource]]

    def __call__(self, host: Host) -> list[Resource]:
        return list(self.function(host))

    @property
    def summary(self) -> str:
        """The first sentence of the section's docstring."""
        return (inspect.getdoc(self.function) or self.title).splitlines()[0]


def section(title: str) -> Callable[[Callable[[Host], Iterator[Resource]]], Section]:
    """Make a generator function of a host a section; `title` is the guide's heading."""

    def decorate(function: Callable[[Host], Iterator[Resource]]) -> Section:
        return Section(function.__name__, title, function)

    return decorate


@dataclass(frozen=True)
class Secret:
    """A value that must not be shown: named in the inventory, else read back, else made.

    `sources` are the files on the host that hold it already, each with the setting that does and,
    where a file can belong to several accounts, the setting and value that it must also have.
    """

    name: str
    sources: tuple[tuple[str, ...], ...] = ()
    is_valid: Callable[[str], bool] = bool
    """Whether a value that was found can be written into every file that must hold it."""


def nothing_to_find(host: Host, states: States, planned: Sequence[Change]) -> list[Finding]:
    """The preflight of a guide that has none."""
    return []


@dataclass(frozen=True)
class Guide:
    """Everything that the engine is to deploy.

    `platforms` are those whose resources are asked about on every contact: what a host runs is
    known only after asking, and a second question would cost a round trip. `versions` are the
    questions, by fact, whose answers have the version of a package that the sections depend on,
    `platform_facts` what else they ask of the system as a whole: facts without keys that answer
    with one `value`. `validate` refuses a host whose variables cannot be worked with and returns it
    with every default filled in; `require_supported` refuses a platform; `host_specific` are the
    variables that are another name on each host; `preflight` looks, with the fact `preflight_fact`,
    for what would stop a deploy half-way, and with `slow_preflight_fact` for what takes longer,
    when a person asks for it.
    """

    sections: Sequence[Section]
    platforms: Sequence[Platform]
    versions: Mapping[Fact, Sequence[str]]
    platform_facts: Sequence[Fact]
    secrets: Sequence[Secret]
    validate: Callable[[Host], Host]
    require_supported: Callable[[Host], None]
    host_specific: Sequence[str] = ()
    preflight: Callable[[Host, States, Sequence[Change]], list[Finding]] = nothing_to_find
    preflight_fact: Fact | None = None
    slow_preflight_fact: Fact | None = None

    def named(self, names: Sequence[str]) -> list[Section]:
        """Return the sections of these names, in the guide's order."""
        return [section for section in self.sections if section.name in names]
