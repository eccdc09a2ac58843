"""Configurations of Postfix as administrators have them, in tests/data/postfix, on a real host.

Each pair of main.cf and master.cf is put on the host and deployed twice. What is not the guide's is
as before, and the second deploy changes nothing. Our parsers read each as Postfix itself does.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fabfile.model import shell
from fabfile.model.fact import Fact
from tasks.conflicts import options
from tasks.guide import GUIDE
from tasks.postfix import postfix
from tasks.resources.in_force import HarmlessParameter
from tasks.resources.postconf import PARAMETERS, SERVICES, MasterService, PostconfParameter
from tests.e2e.conftest import SandboxHost, only
from tests.e2e.systems import DEBIAN12, DEBIAN13, DEFAULT, System

pytestmark = only(DEBIAN12, DEBIAN13, because="the files are for Postfix 3.6 and later")

FOLDER = Path(__file__).resolve().parents[1] / "data" / "postfix"
PAIRS = sorted(path.name for path in FOLDER.iterdir())
OFTEN = (
    "aliases-elsewhere",
    "hand-grown-2009",
    "many-map-types",
    "multiline-comments",
    "odd-blanks",
    "submissions-rfc8314",
)
"""Those that the usual run deploys; `make matrix` deploys all."""
VERIFIED = ("hand-grown-2009", "user-variables", "letsencrypt-chain")
TABLE = re.compile(r"\b(hash|btree|texthash|regexp|cidr):(/etc/postfix/[\w-]+)")


def tables() -> str:
    """Return shell that makes every table that a pair names."""
    lines = []
    for pair in PAIRS:
        for kind, path in TABLE.findall((FOLDER / pair / "main.cf").read_text()):
            lines.append(f"[ -e {path} ] || : >{path}")
            if kind in ("hash", "btree"):
                tool = "postalias" if "aliases" in path else "postmap"
                lines.append(f"[ -e {path}.db ] || {tool} {kind}:{path}")
    return "\n".join(dict.fromkeys(lines))


def parsed(fact: Fact, text: str) -> dict[str, str]:
    """Return what a fact makes of a file: the value or the entry, by name."""
    states = fact.parse(["= /f", *(f"|{line}" for line in text.splitlines())])
    attribute = "value" if fact is PARAMETERS else "entry"
    return {k: str(state[attribute]) for k, state in states.items() if k and attribute in state}


def comments(text: str) -> list[str]:
    """Return the comments of a file, in order."""
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]


def ours(system: System) -> set[str]:
    """Return the parameters and services that the guide decides about."""
    kinds = (PostconfParameter, HarmlessParameter, MasterService)
    return {r.key for r in GUIDE.named([postfix.name])[0](system.host) if isinstance(r, kinds)}


def put(box: SandboxHost, pair: str) -> None:
    """Put a pair on the host."""
    lines = [
        f"printf %s {shell.quote((FOLDER / pair / name).read_text())} >{name}"
        for name in ("main.cf", "master.cf")
    ]
    box.sh("\n".join(["cd /etc/postfix", *lines, tables()]))


def read_as_postfix_does(box: SandboxHost, main: str, master: str) -> None:
    """Assert that our parsers give what postconf(1) gives."""
    known = dict(
        line.partition(" =")[::2] for line in box.sh("postconf -n 2>/dev/null").splitlines()
    )
    mine = parsed(PARAMETERS, main)
    assert {name: mine.get(name) for name in known} == {
        name: " ".join(value.split()) for name, value in known.items()
    }
    entries = parsed(SERVICES, master)
    listed = box.sh("postconf -M 2>/dev/null").splitlines()
    assert {" ".join(entry.split()[:8]) for entry in entries.values()} == {
        " ".join(entry.split()[:8]) for entry in listed
    }
    overrides = {
        line.partition(" =")[0]: line.partition(" =")[2].strip()
        for line in box.sh("postconf -P 2>/dev/null").splitlines()
    }
    found = {f"{k}/{n}": v for k, entry in entries.items() for n, v in options(entry).items()}
    assert found == overrides


@pytest.mark.parametrize("pair", PAIRS)
def test_own_settings_survive_and_the_second_deploy_changes_nothing(
    deployed: SandboxHost, pair: str, request: pytest.FixtureRequest
) -> None:
    usual = request.config.getoption("systems") == DEFAULT
    if usual and pair not in OFTEN:
        pytest.skip("make matrix deploys it")
    box = deployed
    main, master = ((FOLDER / pair / name).read_text() for name in ("main.cf", "master.cf"))
    put(box, pair)
    read_as_postfix_does(box, main, master)
    with box.connect() as c:
        planned = box.plan(c).changes
        assert box.deploy(c).changed == planned > 0
        assert box.deploy(c).changed == 0
    mine = ours(box.system)
    now = box.sh("cat /etc/postfix/main.cf")
    for fact, before, after in (
        (PARAMETERS, main, now),
        (SERVICES, master, box.sh("cat /etc/postfix/master.cf")),
    ):
        was, found = parsed(fact, before), parsed(fact, after)
        kept = {key: value for key, value in was.items() if key not in mine}
        assert {key: found.get(key) for key in kept} == kept
        assert set(found) - mine <= set(was)
        assert [line for line in comments(after) if line in comments(before)] == comments(before)
    assert box.sh("postfix status 2>&1 && echo runs").endswith("runs\n")
    if pair in VERIFIED:
        assert " 0 failed" in box.fab("verify").stdout.splitlines()[-1]


def test_linked_files_are_changed_where_they_are(box: SandboxHost) -> None:
    put(box, "multiline-comments")
    box.sh(
        "mkdir -p /srv/conf; cd /etc/postfix; mv main.cf master.cf /srv/conf\n"
        "cp /etc/aliases /srv/conf; mv /etc/dovecot/dovecot.conf /srv/conf\n"
        "ln -s /srv/conf/main.cf main.cf; ln -s ../../srv/conf/master.cf master.cf\n"
        "ln -sf /srv/conf/aliases /etc/aliases; ln -s /srv/conf/dovecot.conf /etc/dovecot/\n"
        "sed -i '/^root/d' /srv/conf/aliases; echo '# mine' >>/srv/conf/dovecot.conf\n"
        "mkdir -p /srv/disk; mv /home/vmail /srv/disk/vmail; ln -s /srv/disk/vmail /home/vmail\n"
        "chmod 0700 /srv/disk/vmail"
    )
    links = "ls -l /etc/postfix/ma*.cf /etc/aliases /etc/dovecot/dovecot.conf /home/vmail"
    before = box.sh(f"{links} | sed 's/.*[0-9] //; s/.*:.. //'")
    with box.connect() as c:
        assert box.deploy(c).changed > 0
        assert box.deploy(c).changed == 0
    assert box.sh(f"{links} | sed 's/.*[0-9] //; s/.*:.. //'") == before
    assert box.sh("grep -c '^myhostname = ' /srv/conf/main.cf") == "1\n"
    assert box.sh("stat -c %U:%a /srv/disk/vmail") == "vmail:750\n"
    assert box.sh("find /srv /etc/postfix /etc/dovecot -name '*mailfab-*'") == ""
    assert " 0 failed" in box.fab("verify").stdout.splitlines()[-1]
    box.sh(
        "rm /home/vmail; mv /srv/disk/vmail /home/vmail; cd /srv/conf\n"
        "mv -f main.cf master.cf /etc/postfix; mv -f aliases /etc\n"
        "mv -f dovecot.conf /etc/dovecot\n"
        "rm -r /srv/conf /srv/disk"
    )


def test_rows_of_transport_are_shown_before_they_become_live(box: SandboxHost) -> None:
    box.sh(
        "sql \"INSERT INTO mail.transport VALUES ('old.example', 'smtp:[192.0.2.1]')\"\n"
        "sql \"INSERT INTO mail.transport VALUES ('*', ':')\"\n"
        "postconf -X transport_maps"
    )
    shown = box.fab("postfix.plan", code=2).stdout
    assert "warning: these rows of the table transport route mail from this deploy on: " in shown
    assert "old.example smtp:[192.0.2.1]" in shown
    assert "takes all mail elsewhere" in shown
    box.converge()
    shown = box.fab("postfix.plan").stdout
    assert "old.example" not in shown
    remedy = shown.split("Take it out on the host: ")[1].splitlines()[0]
    box.sh(f"{remedy}; sql \"DELETE FROM mail.transport WHERE domain = 'old.example'\"")
    assert "takes all mail" not in box.fab("postfix.plan").stdout
