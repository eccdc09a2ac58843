"""Repositories of yum: their addresses, and the packages excluded from them.

A .repo file belongs to the administrator: an edit changes only the lines of its own option.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fabfile.model import shell
from fabfile.model.fact import State, Value, file_fact, first_words, parse_files
from fabfile.model.resource import Differences, Resource


def options(text: list[str]) -> dict[str, dict[str, str]]:
    """Return the options of each repository in a .repo file; continued lines are joined."""
    found: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    option = ""
    for line in text:
        if not line.strip() or line[0] in "#;":
            continue
        if line[0] == "[":
            section, option = found.setdefault(line[1:].partition("]")[0], {}), ""
        elif line[0].isspace():
            if option:
                section[option] = f"{section[option]} {line.strip()}"
        else:
            name, _, value = line.partition("=")
            option = name.strip().lower()
            section[option] = value.strip()
    return found


def _parse_repositories(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for path, text in parse_files(lines).items():
        for name, section in options(text).items():
            state: dict[str, Value] = {
                "baseurl": section.get("baseurl", ""),
                "mirrorlist": section.get("mirrorlist", ""),
                "exclude": " ".join(section.get("exclude", "").replace(",", " ").split()),
            }
            found[f"{path} {name}"] = state
    return found


REPOSITORY = file_fact("repository", first_words, _parse_repositories)

EXCLUDE = shell.program(__file__, "exclude.awk")


@dataclass(frozen=True)
class Exclusion(Resource):
    """A package that is excluded from a repository (`exclude=`, yum.conf(5)), or is not."""

    fact = REPOSITORY
    skip_if_absent = True
    path: str
    repository: str
    package: str
    present: bool = True
    """False: the package should come from this repository, so its exclusion is removed."""

    @property
    def key(self) -> str:
        return f"{self.path} {self.repository}"

    @property
    def title(self) -> str:
        return f"Exclusion of {self.package} in [{self.repository}] of {self.path}"

    def desired(self) -> State | None:
        return {"exclude": self.package} if self.present else None

    def differences(self, state: State | None) -> Differences:
        """Compare with the whole list, which may contain the administrator's patterns."""
        listed = str((state or {}).get("exclude", "")).split()
        if self.present:
            if state is None or any(fnmatchcase(self.package, pattern) for pattern in listed):
                return {}
            return {"exclude": (" ".join(listed), " ".join([*listed, self.package]))}
        if self.package not in listed:
            return {}
        return {"exclude": (" ".join(listed), " ".join(p for p in listed if p != self.package))}

    def fix(self) -> str:
        settings = shell.words(self.repository, self.package, "1" if self.present else "0")
        return (
            f"set -- {settings}\n"
            f"section=$1 name=$2 value=$3 rewrite {shell.words(self.path, EXCLUDE)}"
        )

    def backed_up_file(self) -> str:
        return self.path


BASE_URL = shell.program(__file__, "base_url.awk")

REACH = shell.program(__file__, "reach.sh")


@dataclass(frozen=True)
class BaseUrl(Resource):
    """The only address of a repository, in place of a list of mirrors.

    The host tries to fetch from every address before the first file changes.
    """

    fact = REPOSITORY
    batched = True
    skip_if_absent = True  # mailfab adds no repository
    path: str
    repository: str
    url: str

    @property
    def key(self) -> str:
        return f"{self.path} {self.repository}"

    @property
    def title(self) -> str:
        return f"BaseUrl of [{self.repository}] in {self.path}"

    def desired(self) -> State:
        return {"baseurl": self.url, "mirrorlist": ""}

    def fix(self) -> str:
        return self.fix_all([self])

    @classmethod
    def fix_all(cls, resources: Sequence[Resource]) -> str:
        mine = [r for r in resources if isinstance(r, BaseUrl)]
        lines = [f"set -- {shell.words(*(r.url for r in mine))}\n{REACH}"]
        for r in mine:
            lines.append(
                f"set -- {shell.words(r.repository, r.url)}\n"
                f"section=$1 value=$2 rewrite {shell.words(r.path, BASE_URL)}"
            )
        return "\n".join(lines)

    def backed_up_file(self) -> str:
        return self.path

    def remedy(self, log: str) -> str:
        if "cannot be fetched" in log:
            return (
                "nothing was changed: set vault_url to a mirror that the host can reach "
                "(docs/variables.md)"
            )
        return super().remedy(log)
