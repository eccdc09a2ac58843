"""The account commands: each once, each again, and each with something wrong."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.e2e.conftest import FAB, ROOT, SandboxHost, only
from tests.e2e.systems import DEBIAN12

PASSWORDS = ["correct horse", 'it\'s "quoted" $HOME `id` \\ %s', "pässwörd ☃", "x" * 200, " lead"]


def last(box: SandboxHost, *arguments: str, code: int = 0, stdin: str = "") -> str:
    """Return the last line that a command prints."""
    run = box.fab(*arguments, code=code, stdin=stdin)
    return (run.stdout if code == 0 else run.stderr).strip().splitlines()[-1]


@pytest.fixture
def domain(box: SandboxHost) -> SandboxHost:
    """The server with a domain."""
    box.fab("domain.add", "Example.ORG")
    return box


def test_domains(box: SandboxHost) -> None:
    assert last(box, "domain.add", "other.example.org") == f"{box.name}: 1 changed, 0 failed"
    assert last(box, "domain.add", "OTHER.example.org") == f"{box.name}: 0 changed, 0 failed"
    assert "other.example.org\n" in box.fab("domain.list").stdout
    for wrong in ("no-dots", "a b.example", "x'y.example", "me@example.org", ""):
        assert "should be" in box.fab("domain.add", wrong, code=1).stderr
    own = box.fab("domain.add", f"{box.name}.example.test", code=1).stderr
    assert "the server's own name" in own


def test_users(domain: SandboxHost) -> None:
    assert last(domain, "user.add", "Sales@Example.org", "--password-stdin", stdin="one\n") == (
        f"{domain.name}: 1 changed, 0 failed"
    )
    again = domain.fab("user.add", "sales@example.org", "--password-stdin", stdin="two\n")
    assert "already exists" in again.stdout
    assert "sales@example.org" in domain.fab("user.list").stdout
    login = "doveadm auth test sales@example.org {} >/dev/null && echo in || echo out"
    assert domain.sh(login.format("one")) == "in\n"
    domain.fab("user.passwd", "sales@example.org", "--password-stdin", stdin="two\n")
    assert domain.sh(login.format("two")) == "in\n"
    assert domain.sh(login.format("one")) == "out\n"
    stored = domain.sh("sql 'SELECT password FROM mail.users WHERE email LIKE \"sales%\"'")
    assert stored.startswith("$6$")
    removed = domain.fab("user.remove", "sales@example.org").stdout
    assert "/home/vmail/.removed/" in removed
    assert last(domain, "user.remove", "sales@example.org") == f"{domain.name}: 0 changed, 0 failed"


def test_what_a_user_cannot_be(domain: SandboxHost) -> None:
    for address, word in (
        ("nobody", "mail address"),
        ("a'b\"@example.org", "mail address"),
        ("x@nowhere.example", f"fab -H {domain.name} domain.add nowhere.example"),
    ):
        assert (
            word in domain.fab("user.add", address, "--password-stdin", code=1, stdin="x\n").stderr
        )
    assert "no user" in domain.fab("user.passwd", "no@example.org", code=1).stderr
    empty = domain.fab("user.add", "e@example.org", "--password-stdin", code=1)
    assert "holds no password" in empty.stderr
    assert "no terminal" in domain.fab("user.add", "e@example.org", code=1).stderr
    assert "e@example.org" not in domain.fab("user.list").stdout


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_arrives_as_it_was_typed(domain: SandboxHost, password: str) -> None:
    domain.fab("user.add", "odd@example.org", "--password-stdin", stdin="first\n")
    domain.fab("user.passwd", "odd@example.org", "--password-stdin", stdin=f"{password}\n")
    script = f"read -r p <<'THE-END'\n{password}\nTHE-END\n"
    script = f'IFS= {script}doveadm auth test odd@example.org "$p" >/dev/null && echo in'
    assert domain.sh(script) == "in\n"


def test_a_password_from_the_terminal(domain: SandboxHost) -> None:
    """Asked for twice, not shown; two that differ change nothing."""
    for second, code in (("typed", 0), ("mistyped", 1)):
        leader, follower = pty.openpty()
        child = subprocess.Popen(
            [FAB, "-H", domain.name, "user.add", f"tty{code}@example.org"],
            cwd=ROOT,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            env={**os.environ, "MAILFAB_INVENTORY": str(domain.inventory)},
        )
        os.close(follower)
        seen = b""
        for prompt, answer in ((b"Password for", "typed"), (b"Once more", second)):
            while prompt not in seen:
                seen += os.read(leader, 4096)
            os.write(leader, f"{answer}\n".encode())
        assert child.wait(60) == code
        assert b"typed" not in seen
        os.close(leader)
    assert "tty1@" not in domain.fab("user.list").stdout


def test_forwardings(domain: SandboxHost) -> None:
    add = ("forwarding.add", "info@example.org", "a@example.net,b@example.net")
    assert last(domain, *add) == f"{domain.name}: 1 changed, 0 failed"
    assert last(domain, *add) == f"{domain.name}: 0 changed, 0 failed"
    assert "info@example.org  a@example.net, b@example.net" in domain.fab("forwarding.list").stdout
    assert (
        last(domain, "forwarding.remove", "info@example.org")
        == f"{domain.name}: 1 changed, 0 failed"
    )
    assert (
        last(domain, "forwarding.remove", "info@example.org")
        == f"{domain.name}: 0 changed, 0 failed"
    )


def test_a_database_that_does_not_answer(box: SandboxHost) -> None:
    box.sh("stop $database")
    error = box.fab("domain.list", code=1).stderr
    assert (
        f"the plan says whether it runs, or which option keeps it from there: fab -H {box.name}"
        in error
    )
    assert "Service" in box.fab("mysql.plan", code=2).stdout


# perl is on every one of the systems.
LIAR = """
systemd-run -q --unit=liar perl -MIO::Socket::INET -e '
    my $port = IO::Socket::INET->new(LocalAddr => "127.0.0.1:3306", Listen => 5, ReuseAddr => 1);
    while (my $client = $port->accept) { print $client %s; close $client }'
until ss -ltn | grep -q '127.0.0.1:3306 '; do sleep 0.1; done
"""


@only(DEBIAN12, because="what answers on a port is not the system's doing")
@pytest.mark.parametrize(
    "words", ['"\\x0a\\x00\\x00\\x00\\x09garbage"', '"SSH-2.0-x\\r\\n"', '"\\xff" x 4096', '""']
)
def test_a_port_where_no_database_answers(box: SandboxHost, words: str) -> None:
    box.sh(f"stop $database; {LIAR % words}")
    try:
        found = box.fab("domain.list", code=1)
        assert "bug" not in found.stderr
        assert f"{box.name}: " in found.stderr
    finally:
        box.sh("systemctl stop liar; start $database")


def test_a_database_made_by_hand_is_adopted(box: SandboxHost) -> None:
    """The guide's own statements, narrow columns and all: no row is lost, old users log in."""
    box.sh("""
        sql "DROP DATABASE mail; CREATE DATABASE mail;
        USE mail;
        CREATE TABLE domains (domain varchar(50) NOT NULL, PRIMARY KEY (domain) );
        CREATE TABLE forwardings (source varchar(80) NOT NULL, destination TEXT NOT NULL,
            PRIMARY KEY (source) );
        CREATE TABLE users (email varchar(80) NOT NULL, password varchar(20) NOT NULL,
            PRIMARY KEY (email) );
        CREATE TABLE transport ( domain varchar(128) NOT NULL default '',
            transport varchar(128) NOT NULL default '', UNIQUE KEY domain (domain) );
        INSERT INTO domains (domain) VALUES ('example.com');
        INSERT INTO users (email, password) VALUES ('sales@example.com', ENCRYPT('password'));
        INSERT INTO forwardings VALUES ('info@example.com', 'sales@example.com');"
    """)
    # Dovecot 2.4 refuses DES otherwise; test_upgrade.py has the whole story.
    box.write_inventory(weak_password_schemes="yes")
    plan = box.fab("mysql.plan", code=2).stdout
    assert "password varchar(20) → varchar(255)" in plan
    assert "4 would change" in plan
    box.fab("deploy")
    rows = box.sh("sql 'SELECT * FROM mail.domains; SELECT email FROM mail.users'")
    assert rows == "example.com\nsales@example.com\n"
    # Dovecot's connections died with the server above; 2.3.13 fails once before it makes new ones.
    login = "doveadm auth test sales@example.com password >/dev/null"
    looks = f"for try in $(seq 20); do {login} && echo in && break; sleep 0.5; done"
    assert box.sh(looks) == "in\n"
    box.fab("user.passwd", "sales@example.com", "--password-stdin", stdin="a much longer one\n")
    assert box.sh("doveadm auth test sales@example.com 'a much longer one' && echo in")
