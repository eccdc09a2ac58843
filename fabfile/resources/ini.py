"""Options in INI files such as my.cnf. An edit changes one line; the others stay."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import State, file_fact, first_words, parse_files
from fabfile.model.resource import Resource


def _parse_options(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for path, text in parse_files(lines).items():
        section = ""
        for raw in text:
            line = raw.strip()
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
            elif line and line[0] not in "#;":
                name, _, value = line.partition("=")
                key = f"{path} {section} {normal(name)}"
                found[key] = {"value": value.strip()}
    return found


def normal(option: str) -> str:
    """Return an option's name in MySQL's spelling: `bind_address` is `bind-address`."""
    return option.strip().replace("_", "-")


INI = file_fact("ini", first_words, _parse_options)

EDIT = shell.program(__file__, "ini_option.awk")


@dataclass(frozen=True)
class IniOption(Resource):
    """One option in one section of an INI file, which is created if missing."""

    fact = INI
    path: str
    section: str
    option: str
    value: str

    @property
    def key(self) -> str:
        return f"{self.path} {self.section} {normal(self.option)}"

    @property
    def title(self) -> str:
        return f"IniOption {self.path} [{self.section}] {self.option}"

    def desired(self) -> State:
        return {"value": self.value}

    def fix(self) -> str:
        settings = shell.words(self.section, normal(self.option), self.value)
        return (
            f"set -- {settings}\n"
            f"section=$1 option=$2 value=$3 rewrite {shell.words(self.path, EDIT)}"
        )

    def backed_up_file(self) -> str:
        return self.path
