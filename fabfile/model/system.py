"""The facts that every survey asks: what system this is, who we are, and what was left pending."""

from __future__ import annotations

import functools
from importlib import metadata

from fabfile.model.fact import Fact, State
from fabfile.model.host import Platform

STATE_DIR = "/var/lib/mailfab"
"""Where a target keeps what a run replaced, and the restarts that are still due. Root only."""


@functools.cache
def version() -> str:
    """Return the version of mailfab that is at work."""
    return metadata.version("mailfab")


def _parse_system(lines: list[str]) -> dict[str, State]:
    return {"": dict(line.split("=", 1) for line in lines if "=" in line)}


# Only words that the shell itself can read: no process is started but `id` and, for a system
# without os-release (CentOS 6), `cat`.
SYSTEM = Fact(
    "system",
    """\
echo "uid=$(id -u)"
if [ -r /etc/os-release ]; then
    ( . /etc/os-release; printf 'id=%s\\nlike=%s\\nrelease=%s\\nname=%s\\n' \\
        "${ID-}" "${ID_LIKE-}" "${VERSION_ID-}" "${PRETTY_NAME-}" )
elif [ -r /etc/redhat-release ]; then
    printf 'id=rhel\\nname=%s\\n' "$(cat /etc/redhat-release)"
fi
if [ -d /run/systemd/system ]; then echo init=systemd; else echo init=sysv; fi
for manager in apt-get dnf yum; do
    if command -v $manager >/dev/null; then echo "manager=${manager%-get}"; break; fi
done
for file in /sys/fs/selinux/enforce /selinux/enforce; do
    if [ -r $file ]; then read -r enforcing <$file; echo "selinux=$enforcing"; break; fi
done
""",
    _parse_system,
)


def parse_platform(states: State, versions: dict[str, str], traits: dict[str, str]) -> Platform:
    """Return the platform that the system fact describes; family `` when it is none we know."""
    found = {name: str(value) for name, value in states.items()}
    kin = {found.get("id", ""), *found.get("like", "").split()}
    name = found.get("name", "")
    release = found.get("release", "")
    if not release and " release " in name:
        release = name.split(" release ")[1].split()[0]
    family = ""
    if "debian" in kin or "ubuntu" in kin:
        family = "debian"
    elif kin & {"rhel", "centos", "fedora", "almalinux", "rocky"}:
        family = "el"
    return Platform(
        family=family,
        release=release,
        name=name or "an unknown system",
        init=found.get("init", ""),
        package_manager=found.get("manager", ""),
        versions=versions,
        selinux={"1": "enforcing", "0": "permissive"}.get(found.get("selinux", ""), ""),
        traits=traits,
    )


def _parse_pending(lines: list[str]) -> dict[str, State]:
    return {line: {"due": True} for line in lines}


PENDING = Fact(
    "pending",
    f"""\
for f in {STATE_DIR}/pending/*; do
    [ -e "$f" ] && echo "${{f##*/}}"
done
""",
    _parse_pending,
)


def _parse_secrets(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    key = ""
    for line in lines:
        if line.startswith("= "):
            key = line[2:]
        elif line.startswith("|") and key not in found:
            found[key] = {"value": line[1:]}
    return found


# Each key is "FILE SETTING [SETTING=VALUE]": the first setting's value in the file, if the file
# also has the other one. Values travel back over the encrypted connection only.
SECRET = Fact(
    "secret",
    """\
awk -- 'BEGIN {
    for (i = 1; i < ARGC; i++) {
        split(ARGV[i], key, " ")
        value = also = ""
        while ((getline line < key[1]) > 0) {
            if (!match(line, /^[ \\t]*[a-z]+[ \\t]*=/)) continue
            name = substr(line, 1, RLENGTH - 1); gsub(/[ \\t]/, "", name)
            line = substr(line, RLENGTH + 1)
            gsub(/^[ \\t]+|[ \\t]+$/, "", line)
            if (line ~ /^".*"$/) line = substr(line, 2, length(line) - 2)
            if (name == key[2]) value = line
            if (key[3] == "" || name "=" line == key[3]) also = 1
        }
        close(key[1])
        if (value != "" && also) { print "= " ARGV[i]; print "|" value }
    }
    exit
}' "$@"
""",
    _parse_secrets,
    lane="packages",
)
