"""A server full of texts that act on a terminal: every command shows them escaped."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabfile.report.visible import HIDDEN
from tests.e2e.conftest import FAB, ROOT, SandboxHost, only
from tests.e2e.systems import DEBIAN12
from tests.hostile_text import HOSTILE

pytestmark = only(DEBIAN12, because="what leaves for the terminal is the same for all systems")

LINES = "\n".join(text.replace("\0", "").replace("\ud800", "") for text in HOSTILE)
DATABASE_TEXT = "\x1b]52;c;eA==\x07\x9b2J\u202e\u200b\ufeff\ufffe"
DOMAIN = f"{DATABASE_TEXT}.example"

COMMANDS: dict[str, tuple[str, ...]] = {
    "plan": (),
    "status": (),
    "preflight": (),
    "history": (),
    "verify": (),
    "deploy": (),
    "rollback": (),
    "rollout": ("--parallel", "2"),
    "accounts.plan": ("--file", "{file}"),
    "accounts.apply": ("--file", "{file}"),
    "accounts.export": ("--file", "{folder}/exported.yml"),
    "domain.list": (),
    "domain.add": ("new.example",),
    "domain.remove": (DOMAIN, "--yes"),
    "forwarding.list": (),
    "forwarding.add": ("a@new.example", "b@example.net"),
    "forwarding.remove": (f"a@{DOMAIN}",),
    "transport.list": (),
    "transport.set": ("new.example", "smtp:[mx.example.net]"),
    "transport.remove": (DOMAIN,),
    "user.list": (),
    "user.add": ("u@new.example", "--generate"),
    "user.audit": (),
    "user.disable": (f"a@{DOMAIN}",),
    "user.enable": (f"a@{DOMAIN}",),
    "user.passwd": (f"a@{DOMAIN}", "--generate"),
    "user.quota": (f"a@{DOMAIN}", "1G"),
    "user.remove": (f"a@{DOMAIN}", "--yes"),
    "user.show": (f"a@{DOMAIN}",),
    "aliases": (),
    "dovecot": (),
    "hostname": (),
    "mysql": (),
    "packages": (),
    "postfix": (),
    "aliases.plan": (),
    "dovecot.plan": (),
    "hostname.plan": (),
    "mysql.plan": (),
    "packages.plan": (),
    "postfix.plan": (),
}


def all_commands() -> set[str]:
    """Return the names of all commands that run on a host; a section's own name for `apply`."""
    run = subprocess.run(
        [FAB, "--list", "--list-format=json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    top = json.loads(run.stdout)
    found = {task["name"] for task in top["tasks"]}
    for group in top["collections"]:
        for task in group["tasks"]:
            own = group["name"] if task["name"] == group["default"] else None
            found.add(own or f"{group['name']}.{task['name']}")
    return {name for name in found if not name.startswith("sandbox.")}


def sql_text(text: str) -> str:
    return f"CONVERT(0x{text.encode().hex()} USING utf8mb4)"


def fill(box: SandboxHost) -> None:
    """Put hostile texts wherever a command reads: files, database, history, login shell, log."""
    domain, user = sql_text(DOMAIN), sql_text(f"a@{DOMAIN}")
    rows = f"""
        INSERT INTO domains VALUES ({domain});
        INSERT INTO users VALUES ({user}, 'x');
        INSERT INTO forwardings VALUES ({user}, {user});
        INSERT INTO transport VALUES ({domain}, {sql_text("smtp:[" + DATABASE_TEXT + "]")});
    """
    files = {
        "/tmp/lines": LINES,
        "/tmp/rows.sql": f"SET NAMES utf8mb4; SET sql_mode=''; {rows}",
    }
    for path, text in files.items():
        box.sh(f"base64 -d >{path} <<'.'\n{_encoded(text)}\n.")
    box.sh("""
        client=$(command -v mariadb || command -v mysql)
        $client mail </tmp/rows.sql
        for file in /etc/dovecot/dovecot.conf /etc/postfix/mysql-virtual_domains.cf; do
            sed 's/^/# /' /tmp/lines >>$file
        done
        # A line of two megabytes.
        { printf '# '; head -c 2000000 /dev/zero | tr '\\0' x; echo; } >>/etc/dovecot/dovecot.conf
        { echo; sed 's/^/# /' /tmp/lines; printf 'root: '; sed -n 2p /tmp/lines; } >>/etc/aliases
        sed 's/^/# /' /tmp/lines >>/etc/postfix/main.cf
        printf 'message_size_limit = %s\\n' "$(sed -n 2p /tmp/lines)" >>/etc/postfix/main.cf
        run=$(ls -d /var/lib/mailfab/runs/* | tail -n 1)
        for file in "$run"/*; do [ -f "$file" ] && cat /tmp/lines >>"$file"; done
        echo 'cat /tmp/lines; cat /tmp/lines >&2' >>/root/.bashrc
        logger -t postfix/smtpd -p mail.warning "$(sed -n 2p /tmp/lines)"
    """)


@pytest.fixture
def hostile(box: SandboxHost) -> Iterator[SandboxHost]:
    """The server full of hostile texts; afterwards as before."""
    kept = "etc/aliases etc/postfix etc/dovecot root/.bashrc var/lib/mailfab/runs"
    box.sh(f"cd / && tar cf /tmp/kept.tar {kept}")
    fill(box)
    yield box
    box.sh("""
        cd / && rm -rf /var/lib/mailfab/runs && tar xf /tmp/kept.tar
        client=$(command -v mariadb || command -v mysql)
        for table in domains users forwardings transport; do
            $client mail -e "DELETE FROM $table"
        done
        rm /tmp/kept.tar /tmp/lines /tmp/rows.sql
        newaliases
    """)


def _encoded(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


def test_every_command_is_tried(server: SandboxHost) -> None:
    assert set(COMMANDS) == all_commands()


def test_no_command_prints_a_hidden_character(
    hostile: SandboxHost, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    accounts = tmp_path / "accounts.yml"
    accounts.write_text("domains:\n  new.example: {}\n")
    escaped = 0
    for command, arguments in COMMANDS.items():
        words = [w.format(file=accounts, folder=tmp_path) for w in arguments]
        with subtests.test(command):
            run = hostile.fab(command, *words, code=None)
            shown = run.stdout + run.stderr
            assert HIDDEN.search(shown) is None, ascii(shown)
            assert "a bug of mailfab" not in shown
            escaped += "\\x1b" in shown
    assert escaped > len(COMMANDS) / 4
