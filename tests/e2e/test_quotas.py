"""Limits of mailboxes: off, on, reached, and off again."""

from __future__ import annotations

import json
import smtplib
from pathlib import Path

from tasks.services import dovecot_dialect
from tests.e2e.behaviour import smtp
from tests.e2e.conftest import SandboxHost
from tests.e2e.test_mail_of_accounts import FOUND, rows

USERS = ("small@quota.example", "large@quota.example")
KILOBYTE = "x" * 62 + "\r\n"


def send(box: SandboxHost, recipient: str, token: str, kilobytes: int) -> str:
    """Send a message as a stranger, who says how big it is; return the answer."""
    text = f"Subject: {token}\r\n\r\n{token}\r\n{KILOBYTE * 16 * kilobytes}"
    with smtp(box, 25) as session:
        session.ehlo()
        try:
            session.sendmail("stranger@elsewhere.example", [recipient], text)
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = refused.recipients[recipient]
            return f"{code} {words.decode()}"
    return "taken"


def delivered(box: SandboxHost, token: str) -> bool:
    """Return whether a message is in a mailbox, when the queue is empty."""
    return bool(box.sh(FOUND.format(token=token)))


def test_a_limit_holds(box: SandboxHost, tmp_path: Path) -> None:
    box.fab("domain.add", "quota.example")
    for user in USERS:
        box.fab("user.add", user, "--password-stdin", stdin="secret\n")
    off = box.fab("user.quota", USERS[0], "20K", code=1).stderr
    assert "set quotas=yes in the inventory" in off
    box.sh("sql 'ALTER TABLE mail.users DROP COLUMN IF EXISTS quota'")
    before = rows(box)

    box.write_inventory(quotas="yes")
    assert "quota absent → bigint" in box.fab("plan", code=2).stdout
    box.fab("deploy")
    assert box.fab("deploy").stdout == f"{box.name}: 0 changed, 0 failed\n"
    assert box.sh("doveconf -n 2>&1 >/dev/null") == ""
    assert rows(box).replace("\t0\n", "\n") == before
    assert " 0 failed" in box.fab("verify").stdout
    assert ": 1 changed" in box.fab("user.quota", USERS[0], "20k").stdout
    assert ": 0 changed" in box.fab("user.quota", USERS[0], "20K").stdout
    assert "such as 500M" in box.fab("user.quota", USERS[0], "much", code=1).stderr

    assert send(box, USERS[0], "first-of-small", 15) == "taken"
    assert delivered(box, "first-of-small")
    assert "of 20K" in box.fab("user.show", USERS[0]).stdout
    second = send(box, USERS[0], "second-of-small", 15)
    if dovecot_dialect(box.system.host) == "2.0":
        # Its Dovecot has no quota service for Postfix: the mail bounces.
        assert second == "taken"
    else:
        assert second.startswith("552 5.2.2")
        assert "full" in second
    assert not delivered(box, "second-of-small")
    # The bounces go to an unreachable stranger.
    box.sh("postsuper -d ALL")
    assert send(box, USERS[1], "first-of-large", 50) == "taken"
    assert delivered(box, "first-of-large")

    file = tmp_path / "accounts.yml"
    box.fab("accounts.export", "--file", str(file))
    assert "small@quota.example: {quota: 20K}" in file.read_text()
    file.write_text(file.read_text().replace("20K", "1G"))
    plan = box.fab("accounts.plan", "--file", str(file), code=2).stdout
    assert "  ~ user small@quota.example: quota 1G" in plan
    box.fab("accounts.apply", "--file", str(file))
    assert ": 0 changed" in box.fab("accounts.apply", "--file", str(file)).stdout
    shown = json.loads(box.fab("user.show", USERS[0], "--json").stdout)
    assert shown["users"][0]["quota"] == 1024**3
    assert send(box, USERS[0], "third-of-small", 15) == "taken"
    assert delivered(box, "third-of-small")

    box.write_inventory()
    box.fab("deploy")
    assert box.fab("deploy").stdout == f"{box.name}: 0 changed, 0 failed\n"
    assert send(box, USERS[0], "fourth-of-small", 15) == "taken"
    assert delivered(box, "fourth-of-small")
    box.fab("domain.remove", "quota.example", "--yes")
