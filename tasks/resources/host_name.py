"""The host's name: the name itself, its line in /etc/hosts, and cloud-init's settings for it."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State, file_fact, parse_files
from fabfile.model.resource import Differences, Resource

HOSTS = "/etc/hosts"
HOSTS_EDIT = shell.program(__file__, "hosts.awk")


def _parse_names(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        running, name, path = line.split(" ", 2)
        found[path] = {"name": running, "name at boot": name}
    return found


HOST_NAME = Fact("hostname", shell.program(__file__, "hostname.sh"), _parse_names)


@dataclass(frozen=True)
class HostName(Resource):
    """The name of the host, now and after the next boot (hostname(5))."""

    fact = HOST_NAME
    path: str
    """The file that has it: /etc/hostname, or /etc/sysconfig/network on CentOS 6."""
    name: str

    @property
    def title(self) -> str:
        return "HostName"

    def desired(self) -> State:
        return {"name": self.name, "name at boot": self.name}

    def fix(self) -> str:
        name, path = shell.quote(self.name), shell.quote(self.path)
        if self.path.endswith("/network"):
            edit = '!/^HOSTNAME=/\nEND { print ENVIRON["entry"] }'
            write = f"entry=HOSTNAME={name} rewrite {path} {shell.quote(edit)}"
        else:
            write = f"printf '%s\\n' {name} | write_file root root 0644 {path}"
        return f"{write}\nhostname {name}"

    def backed_up_file(self) -> str:
        return self.path

    def after_restore(self) -> str:
        path = shell.quote(self.path)
        if self.path.endswith("/network"):
            return f'[ ! -s {path} ] || ( . {path}; hostname "$HOSTNAME" )'
        return f'[ ! -s {path} ] || hostname "$(cat {path})"'


def _parse_hosts(lines: list[str]) -> dict[str, State]:
    """Return the names beside each canonical name, of all its lines."""
    found: dict[str, list[str]] = {}
    for text in parse_files(lines).values():
        for line in text:
            words = line.partition("#")[0].split()
            if len(words) > 1:
                found.setdefault(words[1], []).extend(words[2:])
    return {name: {"also": " ".join(others)} for name, others in found.items()}


HOSTS_FACT = file_fact("hosts", lambda keys: (HOSTS,), _parse_hosts)


@dataclass(frozen=True)
class HostsEntry(Resource):
    """A line of /etc/hosts with the host's full and short name (hosts(5)); all others stay."""

    fact = HOSTS_FACT
    name: str

    @property
    def short(self) -> str:
        """The name without its domain."""
        return self.name.partition(".")[0]

    def desired(self) -> State:
        return {"also": self.short}

    def differences(self, state: State | None) -> Differences:
        if state and self.short in str(state["also"]).split():
            return {}
        return super().differences(state)

    def fix(self) -> str:
        return f"name={shell.quote(self.name)} rewrite {shell.words(HOSTS, HOSTS_EDIT)}"

    def backed_up_file(self) -> str:
        return HOSTS


def _parse_cloud_init(lines: list[str]) -> dict[str, State]:
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("= "):
            current = found.setdefault(line[2:], [])
        elif line.startswith("|"):
            current.append(line[1:])
    return {path: {"content": "\n".join(text)} for path, text in found.items()}


CLOUD_INIT_FACT = Fact(
    "cloud_init",
    """\
[ -d /etc/cloud/cloud.cfg.d ] || return 0
for f do echo "= $f"; [ ! -f "$f" ] || sed 's/^/|/' "$f"; done
""",
    _parse_cloud_init,
)


@dataclass(frozen=True)
class CloudInitFile(Resource):
    """A file of settings for cloud-init, where a host has it."""

    fact = CLOUD_INIT_FACT
    skip_if_absent = True
    path: str
    content: str

    def desired(self) -> State:
        return {"content": self.content}

    def fix(self) -> str:
        return (
            f"printf '%s\\n' {shell.quote(self.content)} | "
            f"write_file root root 0644 {shell.quote(self.path)}"
        )

    def backed_up_file(self) -> str:
        return self.path
