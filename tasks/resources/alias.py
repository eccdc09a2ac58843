"""Lines of /etc/aliases, and the database that newaliases(1) makes from it."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State, file_fact, parse_files
from fabfile.model.resource import Resource

ALIASES = "/etc/aliases"


def _parse_aliases(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    name, value = "", ""
    for text in parse_files(lines).values():
        for line in text:
            if line[:1] in ("", "#"):
                continue
            if line[0].isspace():
                value = f"{value} {line.strip()}"
            else:
                name, _, value = line.partition(":")
                name = name.strip().strip('"').lower()
            found[name] = {"destination": value.strip()}
    return found


ALIAS = file_fact("alias", lambda keys: (ALIASES,), _parse_aliases)

EDIT = shell.program(__file__, "alias.awk")


@dataclass(frozen=True)
class Alias(Resource):
    """A line of /etc/aliases (aliases(5)); all other lines stay."""

    fact = ALIAS
    name: str
    destination: str

    def desired(self) -> State:
        return {"destination": self.destination}

    def fix(self) -> str:
        return (
            f"set -- {shell.words(self.name, f'{self.name}: {self.destination}')}\n"
            f"name=$1 entry=$2 rewrite {shell.words(ALIASES, EDIT)}\nnewaliases"
        )

    def backed_up_file(self) -> str:
        return ALIASES

    def after_restore(self) -> str:
        return "newaliases"


DATABASE = Fact(
    "aliasdb",
    shell.program(__file__, "alias_database.sh"),
    lambda lines: {line: {"current": True} for line in lines},
)


@dataclass(frozen=True)
class AliasDatabase(Resource):
    """The database made from an alias file by newaliases(1), not older than the file."""

    fact = DATABASE
    path: str

    def desired(self) -> State:
        return {"current": True}

    def fix(self) -> str:
        return "newaliases"
