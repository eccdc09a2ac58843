"""Ports that the host's own firewall opens, now and after the next boot.

The host itself finds its active firewall, and the rule that rejects an outside client. The fact
reports closed ports; the fix inserts an accept rule in front of the rejecting one. A host without
a firewall, or with the port open already, has no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Differences, Resource

FILTER = "".join(
    shell.program(__file__, name) for name in ("packet_filter.awk", "iptables.awk", "nftables.awk")
)
"""The awk program that finds the verdict of a set of rules on an outside client's connection."""
FUNCTIONS = f'packet_filter() {{\nawk "$@" {shell.quote(FILTER)}\n}}\n' + shell.program(
    __file__, "firewall.sh"
)
OPEN = shell.program(__file__, "open_port.sh")


def _parse_firewall(lines: list[str]) -> dict[str, State]:
    found: dict[str, dict[str, str | int | bool]] = {}
    place = ""
    for line in lines:
        if line.startswith("= "):
            place = line[2:]
            continue
        port, verdict = line.split(" ")[:2]
        state = found.setdefault(port, {})
        # A port is closed if any of several rule sets rejects it.
        if state.get(place) != "closed":
            state[place] = verdict
    return dict(found)


# A port's state is its verdict in each place: in the rules in force, by the name of their firewall,
# and in the file that is loaded at boot, by its path.
FIREWALL = Fact("firewall", f'ports="$*"\n{FUNCTIONS}places', _parse_firewall, lane="services")


@dataclass(frozen=True)
class OpenPort(Resource):
    """A TCP port that every client can reach through the active firewall."""

    fact = FIREWALL
    batched = True
    port: int

    @property
    def title(self) -> str:
        return f"OpenPort {self.port}/tcp"

    def desired(self) -> State:
        return {}

    def differences(self, state: State | None) -> Differences:
        """Return the places where the port is closed."""
        places = (state or {}).items()
        return {place: (verdict, "open") for place, verdict in places if verdict != "open"}

    def fix(self) -> str:
        return self.fix_all([self])

    @classmethod
    def fix_all(cls, resources: Sequence[Resource]) -> str:
        return (
            f"{FUNCTIONS}{OPEN}ports={shell.quote(' '.join(r.key for r in resources))}\nopen_ports"
        )

    def remedy(self, log: str) -> str:
        if "no enabled service saves" in log:
            return (
                "a program that mailfab does not know loads these rules: open the ports there, "
                "or enable a service that saves the rules"
            )
        return (
            "the lines above come from the firewall: fix the error that they name, then run again"
        )
