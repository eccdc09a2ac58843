"""Local aliases, and the databases that postalias(1) makes from their files.

The files are those that Postfix reads: alias_maps and alias_database may name any (postconf(5)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State, parse_files
from fabfile.model.resource import Resource
from tasks.resources.in_force import IN_FORCE

ALIASES = "/etc/aliases"
"""The file where nothing else is configured."""


def _via_in_force(name: str, parse: Callable[[list[str]], dict[str, State]]) -> Fact:
    """Return a fact from the files of aliases in the answer of IN_FORCE."""

    def share(keys: Iterable[str], answer: list[str]) -> list[str]:
        return answer

    return Fact(name, "", parse, via=IN_FORCE, share=share)


def _parse_aliases(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    # Postfix asks one table after the other, and postalias ignores an entry that is there already.
    for text in parse_files(lines).values():
        for name, value in _entries(text):
            found.setdefault(name, {"destination": value})
    return found


def _entries(text: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in text:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace():
            name, _, value = line.partition(":")
            found.append((name.strip().strip('"').lower(), value.strip()))
        elif found:
            name, value = found[-1]
            found[-1] = (name, f"{value} {line.strip()}".strip())
    return found


ALIAS = _via_in_force("alias", _parse_aliases)

EDIT = shell.program(__file__, "alias.awk")
FILES = shell.program(__file__, "alias_tables.sh") + shell.program(__file__, "alias_edit.sh")


@dataclass(frozen=True)
class Alias(Resource):
    """A local alias (aliases(5)); all other lines of its file stay."""

    fact = ALIAS
    name: str
    destination: str

    def desired(self) -> State:
        return {"destination": self.destination}

    def fix(self) -> str:
        return (
            f"{FILES}set -- {shell.words(self.name, f'{self.name}: {self.destination}')}\n"
            f'file=$(alias_file "$1")\nkeep "$file"\n'
            f'name=$1 entry=$2 rewrite "$file" {shell.quote(EDIT)}\nmake_databases'
        )

    def backed_up_file(self) -> str:
        return ALIASES

    def after_restore(self) -> str:
        return f"{FILES}make_databases all"


MISSING = ("maps", "missing")


def _parse_tables(lines: list[str]) -> dict[str, State]:
    tables = [line.split(" ", 4)[1:] for line in lines if line.startswith("@ ")]
    if not lines:
        return {}
    if not any(line.startswith("alias_maps =") for line in lines):
        # Nothing is known of the tables while main.cf is lost.
        return {ALIASES: {"current": True, "missing": "", "read": True}}
    # Postfix can do without a file that newaliases(1) alone knows.
    lost = [f"{t}:{file}" for role, t, status, file in tables if (role, status) == MISSING]
    return {
        ALIASES: {
            "current": not any(status == "stale" for _, _, status, _ in tables),
            "missing": ", ".join(lost),
            "read": any(role == "maps" for role, *_ in tables),
        }
    }


DATABASE = _via_in_force("aliasdb", _parse_tables)


@dataclass(frozen=True)
class AliasDatabase(Resource):
    """The databases of all files of aliases that are root's, none older than its file."""

    fact = DATABASE
    path: str

    def desired(self) -> State:
        return {"current": True}

    def fix(self) -> str:
        return f"{FILES}make_databases"

    def warning(self, state: State | None) -> str:
        if state and state["missing"]:
            return (
                f"alias_maps names {state['missing']}, which is missing, so all local mail waits: "
                "make the file and run postalias on it, or take it out of alias_maps"
            )
        if state and not state["read"]:
            return (
                f"alias_maps names no file, so Postfix does not read {self.path}: let the tables "
                "that it names know root and postmaster, or add hash:/etc/aliases to alias_maps"
            )
        return ""
