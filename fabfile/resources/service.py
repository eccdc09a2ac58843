"""Services: running now, and started at boot."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Resource


def _parse_services(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        running, enabled, key = line.split(" ", 2)
        found[key] = {"running": running == "yes", "enabled": enabled == "yes"}
    return found


SERVICE = Fact(
    "service",
    shell.program(__file__, "service.sh"),
    _parse_services,
    lane="services",
)


@dataclass(frozen=True)
class Service(Resource):
    """A service that runs and is started at boot (or neither)."""

    fact = SERVICE
    name: str
    running: bool = True
    enabled: bool = True
    process: str = ""
    """The unit whose process is the service, if it is another one."""
    check: str = ""
    """Shell that must succeed before the service starts."""

    @property
    def key(self) -> str:
        return f"{self.name} {self.process or self.name}"

    @property
    def title(self) -> str:
        return f"Service {self.name}"

    def desired(self) -> State:
        return {"running": self.running, "enabled": self.enabled}

    def fix(self) -> str:
        name, process = shell.quote(self.name), shell.quote(self.process or self.name)
        enable = "service_enable" if self.enabled else "service_disable"
        if not self.running:
            return f"{enable} {name}\nservice_do stop {name}"
        # `restart`: `start` does nothing for an umbrella unit that is active already.
        start = [
            self.check or ":",
            f"service_do restart {name} {shell.quote(self.process)}",
            f"settled restart {name}",
            f"settled reload {name}",
        ]
        return f"{enable} {name}\nif ! service_runs {process}; then\n" + "\n".join(start) + "\nfi"

    def remedy(self, log: str) -> str:
        if "Address already in use" in log or "in use" in log:
            return "another program uses the port: find it with ss -ltnp"
        return "the lines above come from the service: fix the error that they name, then run again"
