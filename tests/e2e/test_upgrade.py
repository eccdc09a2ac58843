"""Debian 12 becomes Debian 13 under a deployed server: Dovecot dies of its old file, and is healed.

One server goes through it all, step by step, in the order of the tests.
"""

from __future__ import annotations

import imaplib
import poplib
import ssl
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import SandboxHost, new_box, only
from tests.e2e.systems import DEBIAN12

pytestmark = only(DEBIAN12, because="the upgrade is that of Debian 12 to 13")

USERS = ("sales", "old", "md5")
PASSWORD = "secret-{}-password"
MESSAGES = 3

# As apt does it on any server, keeping what the administrator has changed.
UPGRADE = """
sed -i 's/bookworm/trixie/g' /etc/apt/sources.list $(ls /etc/apt/sources.list.d/* 2>/dev/null)
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -y -q -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef full-upgrade \\
    >/root/upgrade.log 2>&1 || tail -n 3 /root/upgrade.log
"""
# What the guide's ENCRYPT() makes, and what servers of its time had as well.
WEAK_HASHES = """
mariadb mail -e "UPDATE users SET password = ENCRYPT('secret-old-password')
    WHERE email LIKE 'old@%'"
mariadb mail -e "UPDATE users SET password = '$(openssl passwd -1 secret-md5-password)'
    WHERE email LIKE 'md5@%'"
"""


@pytest.fixture(scope="module")
def box(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    """A Debian 12 that is deployed, with users and mail."""
    box = new_box(f"{server.name}-up", server.system, tmp_path_factory.mktemp("upgrade"))
    box.be_bare()
    box.fab("deploy")
    box.fab("domain.add", "example.com")
    for user in USERS:
        box.fab(
            "user.add",
            f"{user}@example.com",
            "--password-stdin",
            stdin=f"{PASSWORD.format(user)}\n",
        )
    box.sh(WEAK_HASHES)
    for number in range(MESSAGES):
        box.sh(f"printf 'Subject: number {number}\\n\\nx\\n' | sendmail sales@example.com")
    arrived = f'[ "$(ls /home/vmail/example.com/sales/Maildir/new | wc -l)" = {MESSAGES} ]'
    box.sh(f"for i in $(seq 60); do {arrived} && exit; sleep 0.5; done; exit 1")
    yield box
    box.server.down()


@pytest.fixture(scope="module")
def before(box: SandboxHost) -> tuple[list[bytes], list[str]]:
    """What a mail client knew of the mailbox before the upgrade."""
    return mailbox(box)


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def mailbox(box: SandboxHost) -> tuple[list[bytes], list[str]]:
    """Return POP3's unique ids, and IMAP's with the subjects, as clients remember them."""
    pop = poplib.POP3_SSL(box.server.address, box.server.port(995), context=trusting())
    pop.user("sales@example.com")
    pop.pass_(PASSWORD.format("sales"))
    ids = list(pop.uidl()[1])
    pop.quit()
    with imaplib.IMAP4_SSL(
        box.server.address, box.server.port(993), ssl_context=trusting()
    ) as imap:
        imap.login("sales@example.com", PASSWORD.format("sales"))
        _, validity = imap.status("INBOX", "(UIDVALIDITY UIDNEXT MESSAGES)")
        imap.select("INBOX", readonly=True)
        _, found = imap.fetch("1:*", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    return ids, [str(part) for part in (*validity, *found)]


def can_log_in(box: SandboxHost, user: str, password: str = "") -> bool:
    with imaplib.IMAP4_SSL(
        box.server.address, box.server.port(993), ssl_context=trusting()
    ) as imap:
        try:
            imap.login(f"{user}@example.com", password or PASSWORD.format(user))
        except imaplib.IMAP4.error:
            return False
    return True


def test_1_users_who_would_be_locked_out_are_named_before(
    box: SandboxHost, before: tuple[list[bytes], list[str]]
) -> None:
    assert len(before[0]) == MESSAGES
    assert all(can_log_in(box, user) for user in USERS)
    names = (
        "2 users have password hashes that Dovecot 2.4 refuses: md5@example.com, old@example.com"
    )
    plan = box.fab("plan").stdout
    assert f"warning: {names}. Give them a new one before an upgrade" in plan
    assert plan.endswith(f"{box.name}: 0 would change, 0 failed\n")
    verify = box.fab("verify").stdout
    assert names in verify
    assert verify.endswith("passed, 0 failed\n")


def test_2_the_upgrade_kills_dovecot(box: SandboxHost) -> None:
    print(box.sh(UPGRADE))
    assert box.sh(". /etc/os-release; echo $VERSION_CODENAME") == "trixie\n"
    assert "The first setting must be dovecot_config_version" in box.sh(
        "journalctl -u dovecot -o cat -n 50"
    )
    assert box.sh("systemctl is-active dovecot || :") == "failed\n"
    assert "FAIL  dovecot runs" in box.fab("verify", code=1).stdout


def test_3_the_plan_says_what_has_happened(box: SandboxHost) -> None:
    plan = box.fab("plan", code=2).stdout
    print(plan)
    assert "because the Dovecot of the host reads the syntax of 2.4" in plan
    assert "+dovecot_config_version = 2.4.0" in plan
    assert "~ Service dovecot: running no → yes" in plan
    assert "They cannot log in until they have a new one" in plan


def test_4_the_deploy_heals_it(box: SandboxHost, before: tuple[list[bytes], list[str]]) -> None:
    run = box.fab("deploy").stdout
    print(run)
    assert "warning: 2 users" in run
    assert f"{box.name}: 0 changed, 0 failed" in box.fab("deploy").stdout
    assert mailbox(box) == before
    assert [can_log_in(box, user) for user in USERS] == [True, False, False]
    assert box.sh("dpkg --audit; postconf 2>&1 >/dev/null; doveconf -n 2>&1 >/dev/null") == ""


def test_5_verify_names_who_cannot_log_in(box: SandboxHost) -> None:
    verify = box.fab("verify", code=1).stdout
    assert "md5@example.com, old@example.com: they cannot log in" in verify
    assert verify.endswith("passed, 1 failed\n")


def test_6_they_get_in_as_long_as_the_administrator_lets_them(box: SandboxHost) -> None:
    box.write_inventory(weak_password_schemes="yes")
    box.fab("deploy")
    assert all(can_log_in(box, user) for user in USERS)
    assert box.fab("verify").stdout.endswith("passed, 0 failed\n")


def test_7_a_new_password_ends_it(box: SandboxHost, before: tuple[list[bytes], list[str]]) -> None:
    for user in ("old", "md5"):
        box.fab("user.passwd", f"{user}@example.com", "--password-stdin", stdin="a new one\n")
    box.write_inventory()
    assert "warning" not in box.fab("deploy").stdout
    assert all(can_log_in(box, user, "a new one") for user in ("old", "md5"))
    assert box.fab("verify").stdout.endswith("passed, 0 failed\n")
    assert mailbox(box) == before
