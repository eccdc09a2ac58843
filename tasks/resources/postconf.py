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
    for text in parse_files(lines).values():
        for line in logical_lines(text):
            name, _, value = line.partition("=")
            found[name.strip()] = {"value": " ".join(value.split())}
    return found


PARAMETERS = file_fact("postconf", lambda keys: (MAIN,), _parse_parameters)


@dataclass(frozen=True)
class PostconfParameter(Resource):
    """A parameter of main.cf; one whose value is None must not be set there at all."""

    fact = PARAMETERS
    batched = True
    name: str
    value: str | None

    @property
    def title(self) -> str:
        return f"Parameter {self.name}"

    def desired(self) -> State | None:
        return None if self.value is None else {"value": " ".join(self.value.split())}

    def fix(self) -> str:
        return self.fix_all([self])

    @classmethod
    def fix_all(cls, resources: Sequence[Resource]) -> str:
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
        return f"rm -f {self.key}\n{reinstall}\n[ -s {self.key} ]" if reinstall else ""

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


def _parse_services(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for text in parse_files(lines).values():
        for line in logical_lines(text):
            fields = line.split()
            if len(fields) >= 8:
                found[f"{fields[0]}/{fields[1]}"] = {"entry": " ".join(fields)}
    return found


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

    def backed_up_file(self) -> str:
        return MASTER
