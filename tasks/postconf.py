"""Postfix's two configuration files: parameters of main.cf and services of master.cf.

Both are read as text, since Postfix 2.6's `postconf -n` leaves out what it does not know and has
no `-M`. Whatever else stands in them is the administrator's and stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fabfile import shell
from fabfile.fact import State, reading, unprefixed
from fabfile.resources.resource import Differences, Resource

MAIN = "/etc/postfix/main.cf"
MASTER = "/etc/postfix/master.cf"


def logical_lines(text: list[str]) -> Iterator[str]:
    """Yield the settings of a Postfix file, continuation lines joined (postconf(5))."""
    current = ""
    for line in text:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace():
            current += " " + line.strip()
            continue
        if current:
            yield current
        current = line.strip()
    if current:
        yield current


def _parse_parameters(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for text in unprefixed(lines).values():
        for line in logical_lines(text):
            name, _, value = line.partition("=")
            found[name.strip()] = {"value": " ".join(value.split())}
    return found


PARAMETERS = reading("postconf", lambda keys: (MAIN,), _parse_parameters)


@dataclass(frozen=True)
class PostconfParameter(Resource):
    """A parameter of main.cf; one whose value is None must not be set there at all."""

    fact = PARAMETERS
    together = True
    name: str
    value: str | None

    @property
    def key(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        return f"Parameter {self.name}"

    def desired(self) -> State | None:
        return None if self.value is None else {"value": " ".join(self.value.split())}

    def fix(self) -> str:
        return self.fix_together([self])

    @classmethod
    def fix_together(cls, resources: Sequence[Resource]) -> str:
        parameters = [r for r in resources if isinstance(r, PostconfParameter)]
        edits = [f"{p.name} = {p.value}" for p in parameters if p.value is not None]
        gone = [p.name for p in parameters if p.value is None]
        lines = []
        if edits:
            lines.append(f"postconf -e {shell.words(*edits)}")
        if gone:
            # `-#` comments the line out; it is older than `-X`, which deletes it.
            lines.append(f"postconf '-#' {shell.words(*gone)}")
        return "\n".join(lines)

    def replaces(self) -> str:
        return MAIN


def _parse_services(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for text in unprefixed(lines).values():
        for line in logical_lines(text):
            fields = line.split()
            if len(fields) >= 8:
                found[f"{fields[0]}/{fields[1]}"] = {"entry": " ".join(fields)}
    return found


SERVICES = reading("master", lambda keys: (MASTER,), _parse_services)

# Prints master.cf without the service's entry (and the lines that continue it), then the entry.
EDIT = """\
BEGIN { name = ENVIRON["name"] }
/^[^ \\t#]/ { ours = ($1 "/" $2 == name) }
/^[ \\t]*(#|$)/ { print; next }
!ours { print }
END { if (ENVIRON["entry"] != "") print ENVIRON["entry"] }
"""


@dataclass(frozen=True)
class MasterService(Resource):
    """A service of master.cf (master(5)). `-` leaves a field at its default."""

    fact = SERVICES
    name: str
    type: str
    command: str
    arguments: tuple[str, ...] = ()
    """What follows the command, each on a line of its own."""
    private: str = "-"
    unprivileged: str = "n"
    chroot: str = "n"
    present: bool = True
    """False: this very entry should not be there. Another one of the same name may."""

    @property
    def key(self) -> str:
        return f"{self.name}/{self.type}"

    @property
    def title(self) -> str:
        return f"Service {self.key} of master.cf"

    @property
    def entry(self) -> str:
        """The entry as it stands in the file."""
        fields = (self.name, self.type, self.private, self.unprivileged, self.chroot, "-", "-")
        lines = ["\t".join([*fields, self.command]), *self.arguments]
        return "\n    ".join(lines)

    def desired(self) -> State | None:
        return {"entry": " ".join(self.entry.split())} if self.present else None

    def differences(self, state: State | None) -> Differences:
        if not self.present and state and state["entry"] != " ".join(self.entry.split()):
            return {}
        return super().differences(state)

    def fix(self) -> str:
        return (
            f"set -- {shell.words(self.key, self.entry if self.present else '')}\n"
            f"name=$1 entry=$2 rewrite {shell.words(MASTER, EDIT)}"
        )

    def replaces(self) -> str:
        return MASTER
