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


# Each key is "SERVICE PROCESS-UNIT": Debian's postfix.service is only an umbrella that stays
# active when the mail system below it has died. What is enabled are links (a masked unit is one to
# /dev/null); `systemctl show` knows them too, but costs the host as much as ten other facts.
SERVICE = Fact(
    "service",
    """\
if [ -d /run/systemd/system ]; then
    units=
    for key do units="$units ${key% *}.service ${key#* }.service"; done
    found=" $(systemctl list-units --all --full --no-legend --plain -- $units |
        while read -r unit _ active _; do printf '%s=%s ' "$unit" "$active"; done)"
    for key do
        service=${key% *}.service process=${key#* }.service
        for file in /etc/systemd/system /lib/systemd/system /usr/lib/systemd/system; do
            file=$file/$service
            if [ -e "$file" ]; then break; fi
        done
        [ -e "$file" ] || continue
        case $found in
        *" $process=active "* | *" $process=reloading "*) running=yes ;;
        *) running=no ;;
        esac
        enabled=no
        for link in /etc/systemd/system/*.wants /etc/systemd/system/*.requires; do
            if [ -L "$link/$service" ] && [ ! -c "$file" ]; then enabled=yes; fi
        done
        echo "$running $enabled $key"
    done
else
    for key do
        service=${key% *}
        [ -x "/etc/init.d/$service" ] || continue
        service "$service" status >/dev/null 2>&1 </dev/null && running=yes || running=no
        chkconfig "$service" >/dev/null 2>&1 && enabled=yes || enabled=no
        echo "$running $enabled $key"
    done
fi
""",
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
    """The unit whose process is the service, where that is another one."""
    check: str = ""
    """Shell that must succeed before the service is started."""

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
        # `restart`, since to start an umbrella unit that is active already does nothing.
        start = [
            self.check or ":",
            f"service_do restart {name} {shell.quote(self.process)}",
            f"settled restart {name}",
            f"settled reload {name}",
        ]
        return f"{enable} {name}\nif ! service_runs {process}; then\n" + "\n".join(start) + "\nfi"

    def remedy(self, log: str) -> str:
        if "Address already in use" in log or "in use" in log:
            return "another program holds the port: find it with ss -ltnp"
        return "the lines above are the service's own: mend what they name, then run again"
