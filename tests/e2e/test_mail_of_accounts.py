"""What the account commands do to mail: sent from the lan, found in a mailbox, read by its user."""

from __future__ import annotations

import imaplib
import json
import secrets
import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.behaviour import said, smtp, trusting
from tests.e2e.conftest import SandboxHost

PASSWORD = "correct horse"

# Each is made, and made again: what changes is said to.
COMMANDS: list[tuple[tuple[str, ...], str, str]] = [
    (("domain.add", "Example.org"), "domain example.org added", "already exists"),
    (("domain.add", "bücher.example"), "(bücher.example) added", "already exists"),
    (("user.add", "Sales@example.org", "--password-stdin"), "added", "already exists"),
    (("user.add", "other@example.org", "--password-stdin"), "added", "already exists"),
    (("user.add", "rest@example.org", "--password-stdin"), "added", "already exists"),
    (("user.add", "closed@example.org", "--password-stdin"), "added", "already exists"),
    (("user.add", "leser@bücher.example", "--password-stdin"), "added", "already exists"),
    (("user.add", "routed@example.org", "--password-stdin"), "added", "already exists"),
    (
        ("forwarding.add", "info@example.org", "sales@example.org,other@example.org"),
        "mail for info@example.org goes to sales@example.org, other@example.org",
        "mail for info@example.org goes to sales@example.org, other@example.org",
    ),
    (("forwarding.add", "@example.org", "rest@example.org"), "goes to", "goes to"),
    (("transport.set", "routed@example.org", "local:"), "goes through local:", "goes through"),
    (("user.disable", "closed@example.org"), "disabled", "is disabled already"),
]
MAIL = {
    "sales@example.org": {"example.org/sales"},
    "SALES@Example.Org": {"example.org/sales"},
    "info@example.org": {"example.org/sales", "example.org/other"},
    "anybody@example.org": {"example.org/rest"},
    "closed@example.org": {"example.org/closed"},
    "leser@xn--bcher-kva.example": {"xn--bcher-kva.example/leser"},
}
REFUSED = {
    "nobody@xn--bcher-kva.example": "550 5.1.1",
    "someone@elsewhere.example": "554 5.7.1",
}
FOUND = """\
for i in $(seq 300); do
    postqueue -p | grep -q 'queue is empty' && break
    sleep 0.1
done
cd /home/vmail
grep -rl {token} --include='[0-9]*' */ 2>/dev/null | sed 's,/Maildir/.*,,' | sort -u
"""


def send(box: SandboxHost, recipient: str, *, sender: str = "stranger@elsewhere.example") -> str:
    """Send a message as a stranger; return the token in it, or the refusal."""
    token = secrets.token_hex(16)
    with smtp(box, 25) as session:
        session.ehlo()
        session.docmd("MAIL", f"FROM:<{sender}>")
        answer = said(lambda: session.docmd("RCPT", f"TO:<{recipient}>"))
        if not answer.startswith("250"):
            return answer
        try:
            session.data(f"Subject: {token}\r\n\r\n{token}\r\n")
        except smtplib.SMTPResponseException as error:
            return str(error)
    return token


def where(box: SandboxHost, token: str) -> set[str]:
    """Return the mailboxes that a message is in."""
    return set(box.sh(FOUND.format(token=token)).split())


def login(box: SandboxHost, user: str, password: str = PASSWORD) -> str:
    """Log in as a mail client does; return `OK`, or the refusal."""
    session = imaplib.IMAP4_SSL(
        box.server.address, box.server.port(993), ssl_context=trusting(), timeout=60
    )
    with session:
        return said(lambda: session.login(user, password)[0])


@pytest.fixture(scope="module")
def accounts(server: SandboxHost) -> Iterator[SandboxHost]:
    """The server with accounts of every kind."""
    server.be_deployed()
    server.sh("id routed 2>/dev/null || useradd -m routed")
    clear(server)
    for arguments, first, again in COMMANDS:
        for words, changed in ((first, 1), (again, 0)):
            run = server.fab(*arguments, stdin=f"{PASSWORD}\n")
            assert words in run.stdout, run.stdout
            assert run.stdout.endswith(f"{server.name}: {changed} changed, 0 failed\n"), run.stdout
    yield server
    clear(server)
    server.sh("userdel -r routed 2>/dev/null; rm -rf /home/vmail/.removed")


def clear(box: SandboxHost) -> None:
    """Have no accounts at all."""
    box.sh(
        'for t in domains users forwardings transport; do sql "DELETE FROM mail.$t"; done\n'
        "rm -rf /home/vmail/*.*/"
    )


@pytest.mark.parametrize("recipient", MAIL)
def test_mail_goes_where_it_should(accounts: SandboxHost, recipient: str) -> None:
    assert where(accounts, send(accounts, recipient)) == MAIL[recipient]


@pytest.mark.parametrize("recipient", REFUSED)
def test_mail_for_nobody_is_refused(accounts: SandboxHost, recipient: str) -> None:
    assert send(accounts, recipient).startswith(REFUSED[recipient])


def test_a_transport_is_taken_until_it_is_removed(accounts: SandboxHost) -> None:
    token = send(accounts, "routed@example.org")
    assert where(accounts, token) == set()
    accounts.sh(f'grep -q {token} "$(postconf -h mail_spool_directory)/routed"')
    accounts.fab("transport.remove", "routed@example.org")
    # Postfix remembers the way of the last address for half a minute (resolve_clnt.c).
    send(accounts, "sales@example.org")
    assert where(accounts, send(accounts, "routed@example.org")) == {"example.org/routed"}
    again = accounts.fab("transport.remove", "routed@example.org").stdout
    assert "has no transport" in again
    assert ": 0 changed, 0 failed" in again
    accounts.fab("transport.set", "routed@example.org", "error:5.1.6 has moved")
    # Postfix's receiving processes remember for longer, its queue manager does not.
    found = accounts.sh("postmap -q routed@example.org $(postconf -h transport_maps)")
    assert found == "error:5.1.6 has moved\n"
    wrong = accounts.fab("transport.set", "example.org", "smpt:[mx.example.net]", code=1).stderr
    assert "no delivery agent 'smpt'" in wrong
    assert "smtp" in wrong


def test_who_can_log_in(accounts: SandboxHost) -> None:
    assert login(accounts, "sales@example.org") == "OK"
    assert login(accounts, "leser@xn--bcher-kva.example") == "OK"
    assert "AUTHENTICATIONFAILED" in login(accounts, "closed@example.org")
    assert "AUTHENTICATIONFAILED" in login(accounts, "closed@example.org", f"$!{PASSWORD}")
    changed = accounts.fab("user.passwd", "closed@example.org", "--password-stdin", stdin="new\n")
    assert "still disabled" in changed.stdout
    assert "AUTHENTICATIONFAILED" in login(accounts, "closed@example.org", "new")
    assert "enabled" in accounts.fab("user.enable", "closed@example.org").stdout
    assert login(accounts, "closed@example.org", "new") == "OK"
    assert "is not disabled" in accounts.fab("user.enable", "closed@example.org").stdout
    accounts.fab("user.disable", "closed@example.org")


def test_passwords_from_elsewhere(accounts: SandboxHost) -> None:
    """Generated, printed once; as a hash of bcrypt, where this Dovecot can check it."""
    made = accounts.fab("user.passwd", "other@example.org", "--generate", "--json").stdout
    password = json.loads(made)["password"]
    assert login(accounts, "other@example.org", password) == "OK"
    printed = accounts.fab("user.passwd", "other@example.org", "--generate").stdout
    password = printed.splitlines()[0].removeprefix("password of other@example.org: ")
    assert login(accounts, "other@example.org", password) == "OK"
    stored = accounts.sh("doveadm pw -s SHA512-CRYPT -p 'from elsewhere'")
    accounts.fab("user.passwd", "other@example.org", "--hash-stdin", stdin=stored)
    assert login(accounts, "other@example.org", "from elsewhere") == "OK"
    can = "BLF-CRYPT" in accounts.sh("doveadm pw -l").split()
    accounts.write_inventory(password_scheme="blf-crypt")
    change = ("user.passwd", "other@example.org", "--password-stdin")
    run = accounts.fab(*change, stdin="blowfish\n", code=0 if can else 1)
    accounts.write_inventory()
    if can:
        stored = accounts.sh("sql \"SELECT password FROM mail.users WHERE email LIKE 'other@%'\"")
        assert stored.startswith("$2y$")
        assert login(accounts, "other@example.org", "blowfish") == "OK"
    else:
        assert "this Dovecot cannot check" in run.stderr


def test_show_and_lists(accounts: SandboxHost) -> None:
    assert where(accounts, send(accounts, "sales@example.org"))
    shown = accounts.fab("user.show", "sales@example.org").stdout
    assert "SHA512-CRYPT, strong" in shown
    assert "message" in shown
    facts = json.loads(accounts.fab("user.show", "sales@example.org", "--json").stdout)
    (user,) = facts["users"]
    count = accounts.sh("find /home/vmail/example.org/sales -path '*/new/*' -type f | wc -l")
    assert user["messages"] == int(count)
    assert user["bytes"] > 100
    assert not user["disabled"]
    assert "closed@example.org  disabled\n" in accounts.fab("user.list").stdout
    assert "(bücher.example)" in accounts.fab("domain.list").stdout
    transports = json.loads(accounts.fab("transport.list", "--json").stdout)
    assert transports["transports"][0]["domain"] == "routed@example.org"
    several = accounts.fab("domain.list", "user.list", "--json").stdout.splitlines()
    assert several[-1].startswith("{")


REFUSALS = [
    (("user.add", "x@elsewhere.example", "--generate"), "not a domain of this server"),
    (("user.add", "x+y@example.org", "--generate"), "mail for it reaches x@example.org"),
    (("user.add", "x@example.org", "--generate", "--password-stdin"), "exclude one another"),
    (("user.add", "x@example.org", "--hash-stdin"), "holds no hash"),
    (("forwarding.add", "a@example.org", "a@example.org"), "there is no user a@example.org"),
    (("forwarding.add", "a@elsewhere.example", "b@example.org"), "not a domain of this server"),
    (("forwarding.add", "a@bücher.example", "no@bücher.example"), "there is no user no@xn--"),
    (("forwarding.add", "sales@example.org", "info@example.org"), "is a loop"),
    (("forwarding.add", "a@example.org", "@example.net"), "has no other names there"),
    (("transport.set", "*", "smtp:[mx]"), "relayhost"),
    (("user.show", "nobody@example.org"), "there is no user"),
    (("user.disable", "nobody@example.org"), "there is no user"),
    (("user.remove", "sales@example.org"), "--yes"),
    (("domain.remove", "example.org"), "--yes"),
    (("accounts.plan", "--file", "/nonexistent.yml"), "No such file"),
]


@pytest.mark.parametrize(("arguments", "reason"), REFUSALS)
def test_refusals(accounts: SandboxHost, arguments: tuple[str, ...], reason: str) -> None:
    before = rows(accounts)
    assert reason in accounts.fab(*arguments, code=1).stderr
    assert rows(accounts) == before


def rows(box: SandboxHost) -> str:
    """Return all that the database holds."""
    return box.sh(
        'for t in domains users forwardings transport; do sql "SELECT * FROM mail.$t ORDER BY 1"; '
        "done"
    )


def test_audit(accounts: SandboxHost) -> None:
    fine = accounts.fab("user.audit", code=None)
    assert "mailbox without user" not in fine.stdout
    accounts.sh("""
        sql "INSERT INTO mail.users (email, password) VALUES ('old@example.org', 'ab1234567890.'),
            ('lost@gone.example', '')"
        sql "INSERT INTO mail.forwardings VALUES ('dead@xn--bcher-kva.example',
            'nobody@xn--bcher-kva.example')"
        sql "INSERT INTO mail.domains VALUES ('$(postconf -h myhostname)')"
        sql "INSERT INTO mail.transport VALUES ('x.example', 'smpt:[mx]')"
        mkdir -p /home/vmail/example.org/ghost/Maildir
    """)
    found = accounts.fab("user.audit", code=1).stdout
    for words in (
        "weak password  old@example.org  DES-CRYPT",
        "empty password  lost@gone.example",
        "user without domain  lost@gone.example",
        "forwarding to nowhere  dead@xn--bcher-kva.example",
        f"domain of system accounts  {accounts.fqdn}",
        "transport to nowhere  x.example",
        "mailbox without user  ghost@example.org",
    ):
        assert words in found, found
    ghost = accounts.fab("user.remove", "ghost@example.org", "--yes").stdout
    assert "/home/vmail/.removed/" in ghost
    accounts.sh("""
        sql "DELETE FROM mail.users WHERE email LIKE 'old@%' OR email LIKE 'lost@%'"
        sql "DELETE FROM mail.forwardings WHERE source LIKE 'dead@%'"
        sql "DELETE FROM mail.domains WHERE domain = '$(postconf -h myhostname)'"
        sql "DELETE FROM mail.transport WHERE domain = 'x.example'"
    """)
    assert accounts.fab("user.audit").stdout == f"{accounts.name}: 0 findings\n"


def test_two_administrators_at_once(accounts: SandboxHost) -> None:
    """Twelve destinations for one address, added at the same time: none is lost."""
    wanted = {f"d{number}@elsewhere.example" for number in range(12)}
    with ThreadPoolExecutor(6) as pool:
        list(
            pool.map(
                lambda to: accounts.fab("forwarding.add", "team@example.org", to), sorted(wanted)
            )
        )
        listed = json.loads(accounts.fab("forwarding.list", "--json").stdout)
        (team,) = [f for f in listed["forwardings"] if f["source"] == "team@example.org"]
        assert set(team["destinations"]) == wanted
        add = ("user.add", "twin@example.org", "--password-stdin")
        runs = list(pool.map(lambda n: accounts.fab(*add, stdin=f"{PASSWORD}{n}\n"), range(4)))
    assert sum("1 changed" in run.stdout for run in runs) == 1
    accounts.fab("forwarding.remove", "team@example.org")


def test_an_accounts_file_goes_round(accounts: SandboxHost, tmp_path: Path) -> None:
    file = tmp_path / "accounts.yml"
    export = ("accounts.export", "--hashes", "--file", str(file))
    accounts.fab(*export)
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    before = rows(accounts)
    same = accounts.fab("accounts.plan", "--prune", "--file", str(file)).stdout
    assert same == f"{accounts.name}: 0 would change, 0 failed\n"
    clear(accounts)
    plan = accounts.fab("accounts.plan", "--file", str(file), code=2).stdout
    assert "  + user sales@example.org" in plan
    assert "$6$" not in plan
    assert rows(accounts) == ""
    accounts.fab("accounts.apply", "--file", str(file))
    assert rows(accounts) == before
    accounts.fab(*export)
    assert file.read_text() == text
    assert login(accounts, "sales@example.org") == "OK"
    assert ": 0 changed, 0 failed" in accounts.fab("accounts.apply", "--file", str(file)).stdout
    file.write_text("domains: [example.org]\n")
    assert "already exists" in accounts.fab(*export, code=1).stderr


def test_an_apply_is_whole_or_not_at_all(accounts: SandboxHost, tmp_path: Path) -> None:
    """One row among many that the database itself refuses."""
    before = rows(accounts)
    file = tmp_path / "accounts.yml"
    users = "\n".join(f"  user{number}@example.org:" for number in range(500))
    file.write_text(f"users:\n{users}\n  a-name-that-is-too-long@example.org:\n")
    accounts.sh("sql 'ALTER TABLE mail.users MODIFY email varchar(27) NOT NULL'")
    refused = accounts.fab("accounts.apply", "--file", str(file), code=1).stderr
    accounts.sh("sql 'ALTER TABLE mail.users MODIFY email varchar(255) NOT NULL'")
    assert "too long" in refused
    assert rows(accounts) == before
    # A user that is declared without a password gets mail, and cannot log in.
    file.write_text("users: {silent@example.org: }\n")
    accounts.fab("accounts.apply", "--file", str(file))
    assert where(accounts, send(accounts, "silent@example.org")) == {"example.org/silent"}
    assert "AUTHENTICATIONFAILED" in login(accounts, "silent@example.org", "*")
    accounts.fab("user.remove", "silent@example.org", "--yes")


def test_a_removal_keeps_everything(accounts: SandboxHost, tmp_path: Path) -> None:
    """Rows and mail; and both can be put back."""
    file = tmp_path / "accounts.yml"
    token = send(accounts, "sales@example.org")
    assert where(accounts, token)
    accounts.fab("forwarding.remove", "info@example.org")
    removed = accounts.fab("user.remove", "sales@example.org", "--yes", "--json").stdout
    archive = json.loads(removed)["archive"]
    assert "AUTHENTICATIONFAILED" in login(accounts, "sales@example.org")
    assert accounts.sh(f"stat -c '%U %a' /home/vmail/.removed {archive}") == "root 700\nroot 700\n"
    assert accounts.sh(f"stat -c '%U %a' {archive}/accounts.yml") == "root 600\n"
    assert (
        accounts.sh(f"grep -rl {token} --include='[0-9]*' {archive}/example.org/sales | wc -l")
        == "1\n"
    )
    assert ": 0 changed" in accounts.fab("user.remove", "sales@example.org").stdout
    file.write_text(accounts.sh(f"cat {archive}/accounts.yml"))
    accounts.fab("accounts.apply", "--file", str(file))
    accounts.sh(f"mv {archive}/example.org/sales /home/vmail/example.org/")
    assert login(accounts, "sales@example.org") == "OK"
    assert where(accounts, token) == {"example.org/sales"}
    # The same for all that is not in a file, after the question.
    file.write_text("domains: [xn--bcher-kva.example]\nusers: {leser@xn--bcher-kva.example: }\n")
    prune = ("accounts.apply", "--prune", "--file", str(file))
    assert "1 domains" in accounts.fab(*prune, code=1).stderr
    archive = accounts.fab(*prune, "--yes").stdout.splitlines()[-2].rpartition(" ")[2]
    assert accounts.sh("sql 'SELECT email FROM mail.users'") == "leser@xn--bcher-kva.example\n"
    assert (
        accounts.sh(f"grep -rl {token} --include='[0-9]*' {archive}/example.org/sales | wc -l")
        == "1\n"
    )
    accounts.sh("[ ! -e /home/vmail/example.org ]")
    gone = accounts.fab("domain.remove", "bücher.example", "--yes").stdout
    assert "removed; its users, forwardings and mail are in" in gone
    assert accounts.fab("user.audit").stdout == f"{accounts.name}: 0 findings\n"
