"""A section of the guide: a pure function that yields a host's resources, in order.

The function does no I/O. So it can be called before the host is connected, for another platform,
and more than once. A section also carries what belongs to it: variables, secrets, ports, packages,
checks and commands. The guide derives its tables from its sections.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from fabfile.model.fact import Fact, States
from fabfile.model.host import Host, Platform, SurveyedHost
from fabfile.model.preflight import Finding
from fabfile.model.redact import SecretValue
from fabfile.model.resource import Change, Resource
from fabfile.model.variables import Rule, Table, Validator, Variable

Ports = Mapping[int, Sequence[str]]
"""The programs that listen on TCP ports, by port."""


@dataclass(frozen=True)
class Secret:
    """A secret of a section: set in the inventory, else read from the host, else generated.

    `sources` are the files on the host that may have it: each a path, a setting and, if the file
    may belong to another account, `SETTING=VALUE` that the file must also have.
    """

    name: str
    sources: tuple[tuple[str, ...], ...] = ()
    is_valid: Callable[[str], bool] = bool
    """Returns whether a value found on the host can be written into all files that need it."""
    validator: Validator | None = None
    """Checks the value in the inventory; None if the inventory cannot set the secret."""
    meaning: str = ""


@dataclass(frozen=True)
class CheckGroup:
    """Checks of `verify` that belong together, printed under one name."""

    name: str
    probes: str
    """The function that yields them, as `package.module:function`; loaded when verify runs."""
    position: int = 85
    """Groups are made in this order, those of equal positions in the order of their sections."""


def _no_packages(host: SurveyedHost) -> Sequence[str]:
    return ()


def _no_ports(host: Host) -> Ports:
    return {}


@dataclass(frozen=True)
class Section:
    """A named part of the guide. Calling it with a host yields the host's resources."""

    name: str
    title: str
    function: Callable[..., Iterator[Resource]]
    """Gets the host and, if it has a second parameter, the guide."""
    variables: Sequence[Variable] = ()
    rules: Sequence[Rule] = ()
    """Rules about several variables together."""
    secrets: Sequence[Secret] = ()
    ports: Ports | Callable[[Host], Ports] = field(default_factory=dict)
    """The programs of the section that listen on TCP ports after a deploy, by port.

    For preflight, which names another program that has the port. What clients elsewhere may reach
    is opened by a resource: `tasks.firewall.open_ports`.
    """
    packages: Callable[[SurveyedHost], Sequence[str]] = _no_packages
    """Returns the names of the packages that the section needs on a host."""
    versions: Sequence[str] = ()
    """The packages whose versions its resources depend on, as `MANAGER NAME`."""
    platform_facts: Sequence[Fact] = ()
    """Further questions about the system: facts without keys that answer with one `value`."""
    checks: Sequence[CheckGroup] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    """Commands that only this section has, as `package.module:task` by name."""
    switch: str = ""
    """The yes/no variable that switches the section on; empty for one that is always on."""
    beyond_guide: bool = False
    """True if Linode's guide does not have the section."""
    guide: Guide | None = field(default=None, repr=False, compare=False)

    def __call__(self, host: SurveyedHost) -> list[Resource]:
        return self.resources(host) if self.is_on(host) else []

    def resources(self, host: SurveyedHost) -> list[Resource]:
        """Return the resources of the section on a host, even if it is switched off there."""
        return list(self.function(host, self.guide) if self._asks_guide else self.function(host))

    @cached_property
    def _asks_guide(self) -> bool:
        return len(inspect.signature(self.function).parameters) > 1

    def is_on(self, host: Host) -> bool:
        """Return whether the section is switched on for the host."""
        return not self.switch or host.flag(self.switch)

    def ports_on(self, host: Host) -> Ports:
        """Return the programs of the section that listen on the host after a deploy, by port."""
        if not self.is_on(host):
            return {}
        return self.ports(host) if callable(self.ports) else self.ports

    @property
    def summary(self) -> str:
        """The first sentence of the section's docstring."""
        return (inspect.getdoc(self.function) or self.title).splitlines()[0]


def section(  # noqa: PLR0913
    title: str,
    *,
    variables: Sequence[Variable] = (),
    rules: Sequence[Rule] = (),
    secrets: Sequence[Secret] = (),
    ports: Ports | Callable[[Host], Ports] = _no_ports,
    packages: Callable[[SurveyedHost], Sequence[str]] = _no_packages,
    versions: Sequence[str] = (),
    platform_facts: Sequence[Fact] = (),
    checks: Sequence[CheckGroup] = (),
    commands: Mapping[str, str] | None = None,
    switch: str = "",
    beyond_guide: bool = False,
) -> Callable[[Callable[..., Iterator[Resource]]], Section]:
    """Turn a generator function of a host into a section.

    `title` is its heading in Linode's guide. The other arguments are the fields of Section.
    """

    def decorate(function: Callable[..., Iterator[Resource]]) -> Section:
        return Section(
            function.__name__,
            title,
            function,
            variables=variables,
            rules=rules,
            secrets=secrets,
            ports=ports,
            packages=packages,
            versions=versions,
            platform_facts=platform_facts,
            checks=checks,
            commands=commands or {},
            switch=switch,
            beyond_guide=beyond_guide,
        )

    return decorate


Preflight = Callable[["Guide", SurveyedHost, States, Sequence[Change]], list[Finding]]
"""Returns the findings for a surveyed host and the changes that a deploy would make."""


def nothing_to_find(
    guide: Guide, host: SurveyedHost, states: States, planned: Sequence[Change]
) -> list[Finding]:
    """Return no findings: the default preflight."""
    return []


def nothing_to_ask(planned: Sequence[Change]) -> Mapping[Fact, Sequence[str]]:
    """Return no questions: the default of a guide."""
    return {}


def all_supported(host: SurveyedHost) -> None:
    """Accept every host: the default of a guide."""


@dataclass(frozen=True)
class Guide:
    """Everything that the engine deploys: the sections, and what belongs to no single section.

    The properties are tables derived from the sections.
    """

    sections: Sequence[Section]
    platforms: Sequence[Platform] = ()
    """The platforms whose resources every survey asks about. The platform of a host is known only
    after the survey, and a second one would cost a round trip."""
    variables: Sequence[Variable] = ()
    rules: Sequence[Rule] = ()
    version_fact: Fact | None = None
    """The fact that answers with the `version` of a package; its keys are from `version_keys`."""
    version_keys: Callable[[str], Sequence[str]] = lambda package: (package,)
    """Returns the keys that ask for the version of a package of some section's `versions`."""
    require_supported: Callable[[SurveyedHost], None] = all_supported
    """Raises HostError if the guide does not support the host's platform."""
    host_specific: Sequence[str] = ()
    """The variables whose value is a different name on each host."""
    preflight: Callable[[Guide, SurveyedHost, States, Sequence[Change]], list[Finding]] = (
        nothing_to_find
    )
    """Returns the findings that would make a deploy fail half-way."""
    preflight_fact: Fact | None = None
    preflight_questions: Callable[[Sequence[Change]], Mapping[Fact, Sequence[str]]] = nothing_to_ask
    """Returns further facts for the preflight, with their keys, from what a deploy would do."""
    slow_preflight_fact: Fact | None = None
    """Asked only when an administrator asks for the preflight: it takes seconds."""
    checks: Sequence[CheckGroup] = ()
    """The checks of the guide as a whole."""
    commands: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bound = tuple(replace(section, guide=self) for section in self.sections)
        object.__setattr__(self, "sections", bound)

    @cached_property
    def secrets(self) -> Sequence[Secret]:
        """The secrets of all sections."""
        return [secret for section in self.sections for secret in section.secrets]

    @cached_property
    def table(self) -> Table:
        """The variables, secrets and rules of all sections."""
        sections = self.sections
        return Table(
            [*self.variables, *(v for section in sections for v in section.variables)],
            {secret.name: secret.validator for secret in self.secrets if secret.validator},
            [*self.rules, *(rule for section in sections for rule in section.rules)],
        )

    @cached_property
    def versions(self) -> Mapping[Fact, Sequence[str]]:
        """The keys, by fact, of the package versions that the sections depend on."""
        if self.version_fact is None:
            return {}
        packages = [package for section in self.sections for package in section.versions]
        keys = [key for package in packages for key in self.version_keys(package)]
        return {self.version_fact: tuple(dict.fromkeys(keys))}

    @cached_property
    def platform_facts(self) -> Sequence[Fact]:
        """The facts about the system that the sections need."""
        return [fact for section in self.sections for fact in section.platform_facts]

    def check_groups(self, host: Host) -> Sequence[CheckGroup]:
        """Return the groups of checks that verify makes on a host, in order."""
        groups = [group for s in self.sections if s.is_on(host) for group in s.checks]
        return sorted([*self.checks, *groups], key=lambda group: group.position)

    @cached_property
    def all_commands(self) -> Mapping[str, str]:
        """The commands beside those of every section, as `package.module:task` by name."""
        found = dict(self.commands)
        for section in self.sections:
            found |= section.commands
        return found

    def candidate(self, host: Host, platform: Platform) -> SurveyedHost:
        """Return a host as if it ran a platform, with empty secrets.

        Its resources have the right keys and names; the survey's questions need no more.
        """
        return host.surveyed(platform, {s.name: SecretValue("") for s in self.secrets})

    def validate(self, host: Host) -> Host:
        """Return a host with checked variables and defaults. Raises InventoryError."""
        return self.table.check(host)

    def ports_on(self, host: Host) -> Ports:
        """Return the programs that listen on the host after a deploy, by port."""
        found: dict[int, Sequence[str]] = {}
        for section in self.sections:
            found |= section.ports_on(host)
        return found

    def packages_on(self, host: SurveyedHost) -> list[str]:
        """Return the packages that the sections need on a host, each once."""
        wanted = [name for s in self.sections if s.is_on(host) for name in s.packages(host)]
        return list(dict.fromkeys(wanted))

    def resources(self, host: SurveyedHost) -> list[Resource]:
        """Return the resources of all sections, in order."""
        return [resource for section in self.sections for resource in section(host)]

    def named(self, names: Sequence[str]) -> list[Section]:
        """Return the sections of these names, in the guide's order."""
        return [section for section in self.sections if section.name in names]
