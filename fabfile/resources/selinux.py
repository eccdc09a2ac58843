"""SELinux labels of directories and their contents, also after the system is relabelled.

SELinux stays enforcing: files in unusual places get the label that the policy expects.
"""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Resource


def _parse_labels(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        label, rule, path = line.split(" ", 2)
        # A label is user:role:type:level.
        kind = label.split(":")[2] if label.count(":") >= 2 else ""
        found[path] = {"type": kind, "rule": "" if rule == "-" else rule.split(":")[2]}
    return found


LABEL = Fact(
    "label",
    shell.program(__file__, "label.sh"),
    _parse_labels,
)


@dataclass(frozen=True)
class FileContext(Resource):
    """The SELinux type of a directory and everything in it (semanage-fcontext(8))."""

    fact = LABEL
    skip_if_absent = True  # no labels where SELinux is off
    path: str
    type: str

    def desired(self) -> State:
        return {"type": self.type, "rule": self.type}

    def fix(self) -> str:
        kind, pattern = shell.words(self.type), shell.words(f"{self.path}(/.*)?")
        return (
            f"semanage fcontext -a -t {kind} {pattern} || "
            f"semanage fcontext -m -t {kind} {pattern}\n"
            f"restorecon -R {shell.quote(self.path)}"
        )

    def remedy(self, log: str) -> str:
        if "semanage" in log and "not found" in log:
            return "semanage is missing: fab … packages installs it"
        return super().remedy(log)
