"""States of a server that people really have, and ways to run fab that people really use."""

from __future__ import annotations

import os
import re
import subprocess

from tests.e2e.conftest import FAB, ROOT, SandboxHost, only
from tests.e2e.systems import DEBIAN11, DEBIAN12, DEBIAN13


def test_mail_to_a_tagged_address_arrives(box: SandboxHost) -> None:
    """Debian's main.cf has recipient_delimiter = +, by which user+tag@ is user@."""
    box.sh("postconf -e 'recipient_delimiter = +'; postfix reload")
    box.fab("domain.add", "tag.example.org")
    box.fab("user.add", "me@tag.example.org", "--password-stdin", stdin="pass\n")
    box.sh("printf 'Subject: tagged\\n\\nx\\n' | sendmail me+news@tag.example.org")
    box.sh(
        "for i in $(seq 60); do ls /home/vmail/tag.example.org/me/Maildir/new/* && exit; sleep 0.5;"
        " done; postqueue -p; exit 1"
    )


def test_rights_and_indexes_of_others(box: SandboxHost) -> None:
    # A new table: its key was dropped once, and the key that replaced it is no primary key.
    box.sh("sql 'DROP TABLE mail.users'")
    box.fab("mysql")
    box.sh("""sql "CREATE USER ''@'localhost'; GRANT SELECT ON mail.* TO ''@'localhost';
        ALTER TABLE mail.users ADD quota int, ADD INDEX (quota), ADD UNIQUE two (quota, email)" """)
    plan = box.fab("plan", code=2).stdout
    assert "1 would change" in plan
    assert "anonymous accounts" in plan
    box.fab("deploy")
    box.sh("sql 'ALTER TABLE mail.users DROP PRIMARY KEY, ADD INDEX (email)'")
    assert "unique email absent → yes" in box.fab("plan", code=2).stdout
    box.fab("deploy")
    box.sh("sql 'ALTER TABLE mail.users DROP KEY two, DROP COLUMN quota'")


@only(DEBIAN11, DEBIAN12, DEBIAN13, because="MySQL 5.1 has no roles")
def test_roles_of_others(box: SandboxHost) -> None:
    box.sh("sql 'CREATE ROLE backup; GRANT SELECT ON mail.* TO backup'")
    assert box.fab("plan").stdout == f"{box.name}: 0 would change, 0 failed\n"
    box.sh("sql 'DROP ROLE backup'")


def test_no_ports_for_mail_clients(box: SandboxHost) -> None:
    box.sh("printf 'smtps inet n - n - - smtpd -o own=yes\\n' >>/etc/postfix/master.cf")
    box.sh("postconf -MX smtps/inet; postconf -M smtps/inet='smtps inet n - n - - smtpd'")
    box.write_inventory(submission="no")
    plan = box.fab("plan", code=2).stdout
    assert "- Service submission/inet of master.cf" in plan
    assert "smtps" not in plan, "an entry of the administrator's own stays"
    box.fab("deploy")
    assert box.sh("ss -ltn 'sport = 587' | tail -n +2") == ""
    assert "0 changed" in box.fab("deploy").stdout


def test_a_certificate_that_cannot_be_used(box: SandboxHost) -> None:
    """Neither Postfix nor Dovecot would notice before the first client does."""
    box.sh("echo garbage >/etc/ssl/a.pem; cp /etc/ssl/a.pem /etc/ssl/a.key")
    before = box.sh("postconf -n; md5sum /etc/dovecot/dovecot.conf")
    box.write_inventory(tls_cert="/etc/ssl/a.pem", tls_key="/etc/ssl/a.key")
    run = box.fab("deploy", code=1)
    assert "does not pass its check" in run.stderr
    assert box.sh("postconf -n; md5sum /etc/dovecot/dovecot.conf") == before
    box.sh("openssl genrsa -out /etc/ssl/a.key 2048; cp $certificate /etc/ssl/a.pem")
    assert "do not belong together" in box.fab("deploy", code=1).stderr
    box.write_inventory()
    box.fab("deploy")
    assert " passed, 0 failed" in box.fab("verify").stdout


def test_a_new_certificate_reaches_every_program(box: SandboxHost) -> None:
    box.sh("rm $private_key")
    run = box.fab("deploy").stdout
    assert "! reload postfix" in run
    assert "! reload dovecot" in run
    assert " passed, 0 failed" in box.fab("verify").stdout


def test_a_password_that_cannot_be_written_back(box: SandboxHost) -> None:
    box.sh("sed -i 's/^password=.*/password=\"a b\"/' /root/.mail_admin.cnf")
    error = box.fab("deploy", code=1).stderr
    assert "db_password found on the host" in error
    assert "a b" not in error
    box.write_inventory(db_password="another-one")
    box.fab("deploy")


def test_closed_output_ends_without_traceback(box: SandboxHost) -> None:
    """The work is done all the same, with no traceback."""
    box.sh("postconf -e 'message_size_limit = 1'")
    run = subprocess.run(
        f"'{FAB}' -H {box.name} deploy | true",
        shell=True,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "MAILFAB_INVENTORY": str(box.inventory)},
        check=False,
    )
    assert run.stderr == ""
    assert box.fab("deploy").stdout == f"{box.name}: 0 changed, 0 failed\n"


def test_a_terminal_without_unicode(box: SandboxHost) -> None:
    box.sh("postconf -e 'message_size_limit = 1'")
    run = box.fab("plan", code=2, prefix=("env", "PYTHONIOENCODING=ascii", "LC_ALL=C"))
    assert "message_size_limit: value 1 \\u2192 30720000" in run.stdout


def test_fabrics_dry_run_is_refused(box: SandboxHost) -> None:
    box.sh("postconf -e 'message_size_limit = 1'")
    assert "use plan" in box.fab("--dry", "deploy", code=1).stderr
    assert box.sh("postconf -h message_size_limit") == "1\n"


def test_addresses_that_would_be_commands(box: SandboxHost) -> None:
    for postmaster in ("|touch@example.com", "/x@example.com", "%b@example.com"):
        box.write_inventory(postmaster=postmaster)
        assert re.search(r"postmaster \([^)]+\) is ", box.fab("deploy", code=1).stderr)
    box.write_inventory()
    box.fab("domain.add", "odd.example.org")
    for user in ("o'brien", "x+y", "a|b"):
        box.fab("user.add", f"{user}@odd.example.org", "--password-stdin", code=1, stdin="x\n")
