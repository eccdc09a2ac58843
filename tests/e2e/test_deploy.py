"""A bare server becomes a mail server, and a second deploy changes nothing in one exec."""

from __future__ import annotations

import re

import pytest

from tasks.services import dovecot_dialect
from tests.e2e.conftest import SandboxHost

MAILBOXES = {
    "2.0": "+mail_location = maildir:/home/vmail/%d/%n/Maildir",
    "2.3": "+mail_location = maildir:/home/vmail/%d/%n/Maildir",
    "2.4": "+mail_path = /home/vmail/%{user|domain}/%{user|username}/Maildir",
}
"""What Dovecot's file says of mailboxes, by its dialect."""

# Without what even a question to rpm touches.
SNAPSHOT = """
find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log \\
    -o -path /var/lib/mysql -o -path /var/lib/systemd -o -path /var/spool/postfix \\
    -o -path /dev -o -path /var/cache \\) -prune -o \\
    -type f ! -name 'rpmdb.sqlite-*' ! -name '__db.*' -printf '%p %T@ %C@ %s %m %U %G\\n' | sort
ps -eo pid,comm --no-headers | grep -E 'master|dovecot$|mariadbd|mysqld' | sort
"""

WARNINGS = """
postconf 2>&1 >/dev/null
postfix check 2>&1
doveconf -n 2>&1 >/dev/null
newaliases 2>&1
"""


@pytest.fixture(scope="module")
def bare(server: SandboxHost) -> SandboxHost:
    """The server as it comes from the provider: nothing of mail on it."""
    server.be_bare()
    return server


def test_plan_of_a_bare_server_changes_nothing_and_exits_2(bare: SandboxHost) -> None:
    before = bare.sh(SNAPSHOT)
    run = bare.fab("plan", code=2)
    assert bare.sh(SNAPSHOT) == before
    for text in (
        "+ Package dovecot-mysql",
        "+ Database mail",
        "+ Grant on mail to mail_reader@localhost",
        "+ Parameter message_size_limit",
        "+ Service dovecot/unix of master.cf",
        "+query = SELECT domain AS virtual FROM domains",
        MAILBOXES[dovecot_dialect(bare.system.host)],
        "+ Alias root",
    ):
        assert text in run.stdout, text
    assert re.search(rf"^{bare.name}: \d+ would change, 0 failed$", run.stdout, re.M)


def test_status_of_a_bare_server(bare: SandboxHost) -> None:
    assert "dovecot    not installed" in bare.fab("status").stdout


def test_first_deploy_then_nothing(bare: SandboxHost) -> None:
    run = bare.fab("deploy")
    last = run.stdout.strip().splitlines()[-1]
    assert re.fullmatch(rf"{bare.name}: \d\d+ changed, 0 failed", last)
    again = bare.fab("deploy")
    assert again.stdout == f"{bare.name}: 0 changed, 0 failed\n"
    assert bare.fab("plan").stdout == f"{bare.name}: 0 would change, 0 failed\n"
    assert "5 converged, 0 not" in bare.fab("status").stdout


def test_mail_flows(deployed: SandboxHost) -> None:
    assert " passed, 0 failed" in deployed.fab("verify").stdout


def test_no_program_warns_of_its_configuration(deployed: SandboxHost) -> None:
    assert deployed.sh(WARNINGS) == ""


def test_nothing_to_change_is_one_connection_and_one_exec(deployed: SandboxHost) -> None:
    with deployed.sshd("LogLevel VERBOSE"):
        deployed.sh("forget_logins")
        deployed.fab("deploy")
        log = deployed.sh("logins")
    assert log.count("Accepted publickey") == 1
    assert log.count("Starting session") == 1
    assert log.count("Starting session: command for root") == 1


def test_a_plan_of_a_deployed_server_touches_nothing(deployed: SandboxHost) -> None:
    deployed.sh("echo '# meddled' >>/etc/dovecot/dovecot.conf; postconf -e 'mynetworks = ::/0'")
    before = deployed.sh(SNAPSHOT)
    run = deployed.fab("plan", code=2)
    assert deployed.sh(SNAPSHOT) == before
    assert "-# meddled" in run.stdout
    assert "~ Parameter mynetworks: value ::/0 → 127.0.0.0/8 [::1]/128" in run.stdout
    assert "! reload postfix" in run.stdout
    assert deployed.fab("deploy").stdout.endswith(f"{deployed.name}: 2 changed, 0 failed\n")


def test_own_settings_are_kept(deployed: SandboxHost) -> None:
    deployed.sh("""
        postconf -e 'smtpd_banner = $myhostname ESMTP ours' 'mailbox_size_limit = 0'
        printf 'ours unix - n n - - pipe\\n  argv=/bin/true\\n' >>/etc/postfix/master.cf
        echo 'www-data: webmaster@example.net' >>/etc/aliases
        sed -i '/^.mysqld/a max_connections = 77\\nmax_allowed_packet = 32M' $database_config
    """)
    deployed.fab("deploy")
    deployed.sh("postconf -e 'myhostname = wrong'; sed -i /^root/d /etc/aliases")
    deployed.sh("sed -i s/127.0.0.1/::1/ $database_config")
    deployed.sh("postconf -MX dovecot/unix")
    deployed.fab("deploy")
    assert deployed.sh("postconf -h smtpd_banner").strip() == "$myhostname ESMTP ours"
    assert "argv=/bin/true" in deployed.sh("postconf -M ours/unix")
    assert "www-data: webmaster@example.net" in deployed.sh("cat /etc/aliases")
    assert "32M" in deployed.sh("cat $database_config")
    assert deployed.sh("sql 'SELECT @@max_connections'").strip() == "77"


def test_sections_alone(deployed: SandboxHost) -> None:
    for section in ("packages", "mysql", "postfix", "dovecot", "aliases"):
        assert deployed.fab(section).stdout == f"{deployed.name}: 0 changed, 0 failed\n"
        assert (
            deployed.fab(f"{section}.plan").stdout == f"{deployed.name}: 0 would change, 0 failed\n"
        )


def test_a_deployed_server_survives_a_reboot(deployed: SandboxHost) -> None:
    deployed.server.poweroff()
    deployed.server.boot()
    deployed.sh("settle")
    assert deployed.fab("deploy").stdout == f"{deployed.name}: 0 changed, 0 failed\n"


def test_a_password_given_later_replaces_the_one_that_was_made(box: SandboxHost) -> None:
    box.write_inventory(db_password="given-one", db_lookup_password="given-two")
    plan = box.fab("plan", code=2).stdout
    assert "given-" not in plan
    assert "SqlAccount mail_reader@localhost: password" in plan
    run = box.fab("deploy")
    assert "given-" not in run.stdout + run.stderr
    assert "password = given-two" in box.sh("cat /etc/postfix/mysql-virtual_mailboxes.cf")
    box.sh("sql 'SELECT 1' -u mail_admin -pgiven-one -h 127.0.0.1 mail")
    assert box.fab("deploy").stdout == f"{box.name}: 0 changed, 0 failed\n"


def test_rollback_puts_a_working_server_back(box: SandboxHost) -> None:
    box.sh("sed -i 's/^log_timestamp/#&/' /etc/dovecot/dovecot.conf")
    box.sh("sed -i 's/^root:.*/root: x/' /etc/aliases")
    box.sh("newaliases; restart dovecot")
    before = box.sh("md5sum /etc/dovecot/dovecot.conf /etc/aliases; stat -c %a%U%G /etc/aliases")
    box.fab("deploy")
    history = box.fab("history").stdout
    assert " ok      2 files    dovecot aliases  by " in history
    assert re.search(r" from \d+\.\d+\.\d+\.\d+, mailfab \d", history)
    # What comes back is put to the test, and here it had been broken before.
    run = box.fab("rollback", code=1).stdout
    assert "FAIL  Mail for root goes to" in run
    assert "\nverify: 62 passed, 1 failed\n" in run
    assert run.endswith(f"{box.name}: 2 changed, 1 failed\n")
    after = box.sh("md5sum /etc/dovecot/dovecot.conf /etc/aliases; stat -c %a%U%G /etc/aliases")
    assert after == before
    assert box.sh("postalias -q root /etc/aliases") == "x\n"
    assert "2 would change" in box.fab("plan", code=2).stdout
    assert "\nverify: 64 passed, 0 failed\n" in box.fab("rollback").stdout
    assert box.fab("plan").stdout == f"{box.name}: 0 would change, 0 failed\n"
