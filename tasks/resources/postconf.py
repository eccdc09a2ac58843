"""Postfix's two configuration files: parameters of main.cf and services of master.cf.

Both are read as text, since Postfix 2.6's `postconf -n` leaves out what it does not know and has
no `-M`. Other lines in them are the administrator's and stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State, file_fact, parse_files
from fabfile.model.resource import Differences, Resource
from fabfile.resources.packages.manager import PackageManager, Wanted, package_remedy

MAIN = "/etc/postfix/main.cf"
MASTER = "/etc/postfix/master.cf"


# An empty file counts as missing. Without Postfix there is no answer.
FILES = Fact(
    "postfix_files",
    """\
command -v postconf >/dev/null || return 0
for f do if [ -s "$f" ]; then echo "there $f"; else echo "gone $f"; fi; done
""",
    lambda lines: {
        path: {"there": answer == "there"}
        for answer, _, path in (line.partition(" ") for line in lines)
    },
)


def logical_lines(text: list[str]) -> Iterator[str]:
    """Yield the settings of a Postfix file, continuation lines joined (postconf(5))."""
    yield from (line for _, line in numbered_lines(text))


def numbered_lines(text: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the settings of a Postfix file, each with the number of its first line."""
    first, current = 0, ""
    for number, line in enumerate(text, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace():
            current += " " + line.strip()
            continue
        if current:
            yield first, current
        first, current = number, line.strip()
    if current:
        yield first, current


def _parse_parameters(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    places: dict[str, list[str]] = {}
    for text in parse_files(lines).values():
        for number, line in numbered_lines(text):
            name, equals, value = line.partition("=")
            if equals:
                # The last line of a parameter counts.
                found[name.strip()] = {"value": " ".join(value.split())}
                places.setdefault(name.strip(), []).append(str(number))
    if twice := {n: ", ".join(numbers) for n, numbers in places.items() if len(numbers) > 1}:
        found[""] = twice
    return found


PARAMETERS = file_fact("postconf", lambda keys: (MAIN,), _parse_parameters)


EDIT_MAIN = shell.program(__file__, "edit_main.sh").rstrip("\n")


@dataclass(frozen=True)
class PostconfParameter(Resource):
    """A parameter of main.cf; one whose value is None must not be set there at all."""

    fact = PARAMETERS
    batched = True
    name: str
    value: str | None
    stricter: Callable[[str], bool] | None = None
    """Returns whether another value may stay, as it does at least what `value` does."""

    @property
    def title(self) -> str:
        return f"Parameter {self.name}"

    def desired(self) -> State | None:
        return None if self.value is None else {"value": " ".join(self.value.split())}

    def differences(self, state: State | None) -> Differences:
        if self.stricter and state and self.stricter(str(state["value"])):
            return {}
        return super().differences(state)

    def fix(self) -> str:
        return self.fix_all([self])

    @classmethod
    def fix_all(cls, resources: Sequence[Resource]) -> str:
        parameters = [r for r in resources if isinstance(r, PostconfParameter)]
        edits = [f"{p.name} = {p.value}" for p in parameters if p.value is not None]
        gone = [p.name for p in parameters if p.value is None]
        lines = [EDIT_MAIN]
        if edits:
            lines.append(f"edit_main -e {shell.words(*edits)}")
        if gone:
            # `-#` comments the line out; it is older than `-X`, which deletes it.
            lines.append(f"edit_main '-#' {shell.words(*gone)}")
        return "\n".join(lines)

    def backed_up_file(self) -> str:
        return MAIN


STOP = shell.program(__file__, "stop_postfix.sh")


@dataclass(frozen=True)
class _PackageFile(Resource):
    """One of the two files as a whole, in case it is lost."""

    fact = FILES
    skip_if_absent = True  # of the package, which brings it
    manager: PackageManager
    repository: str = ""
    """A repository of yum's that is off otherwise, and that the package comes from."""
    lock_timeout: int = 300

    @property
    def title(self) -> str:
        return f"File {self.key} itself"

    def desired(self) -> State:
        return {"there": True}

    def _reinstall(self) -> str:
        """Return shell with which the package brings the file back; empty if there is no way."""
        wanted = Wanted("postfix", repository=self.repository)
        reinstall = self.manager.reinstall(wanted, self.lock_timeout)
        link = f"[ ! -L {self.key} ] || {{ echo {self.key} is a link to an empty file; exit 1; }}"
        return f"{link}\nrm -f {self.key}\n{reinstall}\n[ -s {self.key} ]" if reinstall else ""

    def backed_up_file(self) -> str:
        return self.key

    def remedy(self, log: str) -> str:
        return package_remedy(log) or super().remedy(log)


@dataclass(frozen=True)
class MainFile(_PackageFile):
    """main.cf as a whole: written with all parameters at once.

    Postfix's processes read it when they start. One that does not know the domains yet would reject
    their mail for good.
    """

    parameters: Callable[[], Sequence[str]] = tuple
    """Returns them as `postconf -e` takes them. Called only when the file has to be made: those
    of other sections are among them."""
    key = MAIN

    def fix(self) -> str:
        if reinstall := self._reinstall():
            # The package's own is there for a moment, and no process may read it.
            return f"{STOP}{reinstall}\npostconf -e {shell.words(*self.parameters())}"
        # The aliases as the package has them: by itself Postfix looks in NIS as well.
        content = "".join(f"{parameter}\n" for parameter in self.parameters())
        return (
            "aliases=$(postconf -d -h default_database_type):/etc/aliases\n"
            f'printf \'alias_maps = %s\\nalias_database = %s\\n%s\' "$aliases" "$aliases" '
            f"{shell.quote(content)} | write_file root root 0644 {MAIN}"
        )


@dataclass(frozen=True)
class MasterFile(_PackageFile):
    """master.cf as a whole: the package's own."""

    key = MASTER

    def fix(self) -> str:
        if reinstall := self._reinstall():
            # It may have come with the other one.
            return f"[ ! -s {MASTER} ] || return 0\n{reinstall}"
        return f"write_file root root 0644 {MASTER} </usr/share/postfix/master.cf.dist"


PORTS = {
    25: ("smtp", "mail", "25"),
    465: ("smtps", "submissions", "ssmtp", "urd", "465"),
    587: ("submission", "msp", "587"),
}
"""The names that services(5) has for the ports of the guide."""
BY_NAME = {name: port for port, names in PORTS.items() for name in names}


def port_of(service: str) -> int | None:
    """Return which of the guide's ports a service of master.cf (`NAME/TYPE`) listens on."""
    name, _, kind = service.rpartition("/")
    # An address may stand in front: 127.0.0.1:465, [::]:587.
    return BY_NAME.get(name.rpartition(":")[2]) if kind == "inet" else None


def _parse_services(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for text in parse_files(lines).values():
        for line in logical_lines(text):
            fields = line.split()
            if len(fields) >= 8:
                found[f"{fields[0]}/{fields[1]}"] = {"entry": " ".join(fields)}
    entries = {key: str(state["entry"]) for key, state in found.items()}
    for names in PORTS.values():
        ours = f"{names[0]}/inet"
        if others := [k for k in entries if k != ours and port_of(k) == port_of(ours)]:
            found[ours] = {**found.get(ours, {}), "others": ", ".join(others)}
    return found | ({"": entries} if entries else {})


SERVICES = file_fact("master", lambda keys: (MASTER,), _parse_services)

EDIT = shell.program(__file__, "master_service.awk")


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
    alone: bool = False
    """True if entries of other names for the same port are the administrator's choice, and this
    one has to go: master(8) can bind a port once only."""

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
        entry = (state or {}).get("entry")
        ours = " ".join(self.entry.split())
        if self.alone and state and "others" in state:
            return {"entry": (entry, None)} if entry == ours else {}
        if not self.present:
            return {"entry": (entry, None)} if entry == ours else {}
        return {} if entry == ours else {"entry": (entry, ours)}

    def fix(self) -> str:
        # At this moment the file may have another entry for the port that the survey has not seen.
        names = PORTS.get(port_of(self.key) or 0, ()) if self.alone else ()
        return (
            f"set -- {shell.words(self.key, self.entry if self.present else '', ' '.join(names))}\n"
            f"name=$1 entry=$2 option=$3 rewrite {shell.words(MASTER, EDIT)}"
        )

    def backed_up_file(self) -> str:
        return MASTER
