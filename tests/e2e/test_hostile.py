"""Strange values through the real programs of a server, and a server that has been tampered with.

Hundreds of values in one exec: each arrives exactly as given, or is refused before it is sent.
"""

from __future__ import annotations

import io
import random
import re
import string as letters
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fabfile.engine.apply import RUNTIME
from fabfile.fleet.host_connection import HostConnection
from fabfile.model import shell
from fabfile.model.errors import MailfabError, UsageError
from fabfile.model.host import Host, Platform, SurveyedHost
from fabfile.model.variables import InvalidValue
from fabfile.resources.sql.client import native_hash, string
from fabfile.resources.template import render
from tasks.accounts import domains, forwardings, prompt, users
from tasks.accounts.addresses import mail_address
from tasks.dovecot import dovecot
from tasks.guide import GUIDE
from tasks.postfix import main_cf
from tasks.validators import address
from tests.e2e.conftest import SandboxHost, only
from tests.e2e.systems import DEBIAN12
from tests.fuzz.awkward_values import some
from tests.tally import TIMES, noted, tried

pytestmark = only(DEBIAN12, because="one system is enough to see what its programs make of values")
# The suite's own run tries more.
MORE = max(1, TIMES // 100)
MODES = ("", "ANSI", "NO_BACKSLASH_ESCAPES", "STRICT_ALL_TABLES,PIPES_AS_CONCAT,ANSI_QUOTES")
LOGS_IN = """\
# Dovecot's processes learn of it one after the other.
for try in $(seq 20); do
    said=$(doveadm auth test reader@strange.example right | sed -n 1p)
    case $said in *succeeded) break ;; esac
    sleep 0.5
done
echo "$said"
"""
PASSWORD_CHARACTERS = letters.ascii_letters + letters.digits + "!&()*+,./:<=>?@[]^_|~-"


@contextmanager
def connected(box: SandboxHost) -> Iterator[HostConnection]:
    with box.connect() as c:
        yield c


def made(variables: dict[str, str], platform: Platform) -> SurveyedHost:
    """Return a host with these variables, as it is on a platform. Raises MailfabError."""
    checked = GUIDE.validate(Host.from_inventory("m", variables))
    return checked.surveyed(platform, checked.secrets)


def test_sql_strings(deployed: SandboxHost) -> None:
    values = some(200 * MORE)
    tried("strings for MariaDB, in four modes of SQL", 4 * len(values))
    taken, lines = [], []
    for mode in MODES:
        lines.append(f"SET SESSION sql_mode = {string(mode)};")
        for value in values:
            try:
                lines.append(f"SELECT CONCAT('.', HEX(CAST({string(value)} AS BINARY)));")
            except UsageError:
                assert re.search(r"[\x00-\x1f\x7f\\]", value)
            else:
                taken.append(value)
    text = "\n".join(lines)
    body = f"work=$(mktemp -d)\nprintf '%s\\n' {shell.quote(text)} | sql -N -B\nrm -rf $work"
    with connected(deployed) as c:
        answer = c.run_script(shell.script(RUNTIME, body), private=True)
    found = [bytes.fromhex(line[1:]).decode() for line in answer.splitlines()]
    assert found == taken


@contextmanager
def typed(password: str) -> Iterator[None]:
    """Have a password on standard input."""
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(password.encode() + b"\n"), "utf-8")
    prompt._passwords.clear()
    prompt._hashes.clear()
    try:
        yield
    finally:
        sys.stdin = before


def test_passwords_of_accounts(deployed: SandboxHost) -> None:
    """Through the account commands, the database and Dovecot's own login."""
    values = [*some(60 * MORE), "é" * 250, "x" * 500, "x" * 501]
    tried("passwords of accounts, to Dovecot's login", len(values))
    taken: dict[str, str] = {}
    with connected(deployed) as c:
        domains.domain_add.body(c, "strange.example")
        for number, value in enumerate(values):
            user = f"user{number}@strange.example"
            with typed(value):
                try:
                    users.user_add.body(c, user, password_stdin=True)
                except UsageError as error:
                    assert "password" in str(error)
                    continue
            # The first line is the password, with any line ending.
            taken[user] = re.split(r"[\r\n]", value)[0]
        assert {"x" * 500, "é" * 250} <= set(taken.values())
        assert "x" * 501 not in taken.values()
        logins = [
            f"doveadm auth test -- {shell.words(user, value)} >/dev/null 2>&1; echo $?"
            for user, value in taken.items()
        ]
        # One that fails takes seconds.
        logins += [f"doveadm auth test {user} wrong >/dev/null 2>&1; echo $?"]
        *known, wrong = c.run_script(shell.script("", "\n".join(logins)), private=True).split()
        assert [user for user, code in zip(taken, known, strict=True) if code != "0"] == []
        assert wrong != "0"
        for user in taken:
            users.user_remove.body(c, user)
    noted("passwords taken", len(taken))


def test_addresses_and_forwardings(deployed: SandboxHost) -> None:
    """Through the account commands, the database and Postfix's maps."""
    values = [*some(150), *some(150, "Sales.x+y_z-1@strange.example")]
    tried("addresses, to Postfix's maps", len(values))
    taken: dict[str, str] = {}
    with connected(deployed) as c:
        domains.domain_add.body(c, "strange.example")
        for value in values:
            try:
                source, domain = mail_address(value)
            except UsageError:
                continue
            if domain == "strange.example" and len(taken) < 25 * MORE:
                forwardings.forwarding_add.body(c, value, f"{value}.net,{value}.org")
                taken[source] = f"{source}.net, {source}.org"
        assert taken
        table = "mysql:/etc/postfix/mysql-virtual_forwardings.cf"
        lines = "\n".join(f"postmap -q {shell.quote(source)} {table}" for source in taken)
        assert c.run_script(shell.script("", lines)).splitlines() == list(taken.values())
        for source in taken:
            forwardings.forwarding_remove.body(c, source)


def test_aliases(deployed: SandboxHost) -> None:
    values = [*some(150), *some(150, "Post.Master+x@example.com")]
    tried("addresses, to the database of aliases", len(values))
    taken = []
    for value in values:
        try:
            taken.append(address(value))
        except InvalidValue:
            continue
    lines = "".join(f"a{n}: {value}\n" for n, value in enumerate(taken))
    body = f"d=$(mktemp -d)\nprintf %s {shell.quote(lines)} >$d/a\npostalias hash:$d/a\n"
    body += "\n".join(f"postalias -q a{n} hash:$d/a" for n in range(len(taken)))
    with connected(deployed) as c:
        answer = c.run_script(shell.script("", f"{body}\nrm -rf $d"))
    assert answer.splitlines() == taken


GOOD = {
    "postmaster": "a.b+c@example.com",
    "mynetworks": "10.0.0.0/8 2001:db8::/32, [fe80::]/10 192.0.2.1",
    "message_size_limit": "2147483646",
    "db_host": "127.0.0.1",
    "tls_cert": "/etc/a@b+c/x.pem",
    "tls_key": "/etc/k_.-/x.key",
}


def test_variables(deployed: SandboxHost) -> None:
    """Through postconf into a main.cf and back, and through Dovecot's reader of its file."""
    found = [
        {"fqdn": "mail1.example.com", **GOOD, name: value}
        for seed, (name, good) in enumerate(GOOD.items())
        for value in (good, *some(40, good, seed))
    ]
    tried("sets of variables, to Postfix and Dovecot", len(found))
    with connected(deployed) as c:
        platform = deployed.system.platform
        hosts: list[SurveyedHost] = []
        for variables in found:
            try:
                hosts.append(made(variables, platform))
            except MailfabError as error:
                assert any(name in str(error) for name in variables if name != "fqdn")
        noted("sets of variables taken", len(hosts))
        hosts = hosts[:: max(1, len(hosts) // (8 * MORE))]
        lines, wanted = ["d=$(mktemp -d)", "cp /etc/postfix/master.cf $d"], []
        for host in hosts:
            parameters = {n: v for n, v in main_cf(host).items() if v is not None}
            edits = shell.words(*(f"{name} = {value}" for name, value in parameters.items()))
            lines.append(f": >$d/main.cf; postconf -c $d -e {edits}")
            lines.append(f"postconf -c $d -h {shell.words(*parameters)}")
            wanted += list(parameters.values())
            text = render(
                "/etc/dovecot/dovecot-2.3.conf",
                host,
                tls_cert=host["tls_cert"],
                tls_key=host["tls_key"],
            )
            lines.append(f"printf %s {shell.quote(text)} >$d/dovecot.conf")
            for name in ("ssl_cert", "ssl_key", "postmaster_address"):
                lines.append(f"doveconf -n -f protocol=lda -c $d/dovecot.conf {name}")
            wanted += [
                f"ssl_cert = <{host['tls_cert']}",
                f"ssl_key = <{host['tls_key']}",
                f"postmaster_address = {host['postmaster']}",
            ]
        answer = c.run_script(shell.script("", "\n".join([*lines, "rm -rf $d"])), private=True)
    assert answer.splitlines() == wanted


def odd_passwords(number: int) -> list[str]:
    """Return passwords with every character that one may have, in every place."""
    draw = random.Random(5)
    found: list[str] = []
    while len(found) < number:
        order = draw.sample(PASSWORD_CHARACTERS, len(PASSWORD_CHARACTERS))
        word = "".join(order)
        if not word.startswith("<"):
            found.append(word if len(found) % 2 else word[:12])
    return [*"!*,-=@~|", *found]


def test_passwords_of_the_database(deployed: SandboxHost) -> None:
    """Through MariaDB, an option file, Postfix's maps and Dovecot's SQL, by their own programs."""
    passwords = odd_passwords(4 * MORE)
    tried("passwords of the database's accounts, to four programs", len(passwords))
    platform = deployed.system.platform
    lines = [
        "cp -p /etc/dovecot/dovecot-sql.conf.ext /root/kept",
        "client=$(command -v mariadb || command -v mysql)",
        "d=$(mktemp -d)",
    ]
    for number, password in enumerate(passwords):
        variables = {"fqdn": "m.example.com", "db_lookup_password": password, "db_password": "x"}
        host = made(variables, platform)
        files = {
            "$d/reader.cnf": render("/root/.mail_reader.cnf", host),
            "$d/map.cf": render(
                "/etc/postfix/mysql-virtual_domains.cf",
                host,
                hosts="127.0.0.1",
                ca=None,
                charset=None,
            ),
        }
        files["/etc/dovecot/dovecot-sql.conf.ext"] = next(
            resource.content  # type: ignore[attr-defined]
            for resource in dovecot(host)
            if resource.key == "/etc/dovecot/dovecot-sql.conf.ext"
        )
        for place in ("localhost", "127.0.0.1"):
            statement = f"SET PASSWORD FOR mail_reader@{place} = {string(native_hash(password))};"
            lines.append(f"printf '%s\\n' {shell.quote(statement)} | $client")
        lines += [f"printf %s {shell.quote(text)} >{path}" for path, text in files.items()]
        lines.append("$client --defaults-file=$d/reader.cnf -N -e 'SELECT CURRENT_USER()'")
        lines.append("postmap -q strange.example mysql:$d/map.cf")
        if number % 4 == 0:
            lines.append(f"doveadm reload\n{LOGS_IN}")
    lines += ["mv /root/kept /etc/dovecot/dovecot-sql.conf.ext", "rm -rf $d"]
    with connected(deployed) as c:
        domains.domain_add.body(c, "strange.example")
        with typed("right"):
            users.user_add.body(c, "reader@strange.example", password_stdin=True)
        answer = c.run_script(shell.script("", "\n".join(lines)), private=True).splitlines()
    deployed.fab("deploy")
    last = "passdb: reader@strange.example auth succeeded"
    wanted = []
    for number, _ in enumerate(passwords):
        wanted += ["mail_reader@localhost", "strange.example"]
        wanted += [last] if number % 4 == 0 else []
    assert answer == wanted


def test_a_message_may_be_bigger_than_a_mailbox(box: SandboxHost) -> None:
    """local(8) would not deliver anything then, unless it is told that mailboxes have no limit."""
    tried("sizes of messages with which local delivery stopped", 2)
    for size in ("60000000", "0"):
        box.write_inventory(message_size_limit=size, postmaster="vmail@localhost.example.test")
        box.fab("deploy")
        box.sh("""
            echo 'local-test: /root/local-test' >>/etc/aliases
            newaliases
            rm -f /root/local-test
            printf 'Subject: x\n\nx\n' | sendmail vmail@localhost
            for try in $(seq 100); do
                grep -q '^Subject: x' /var/mail/vmail && break
                sleep 0.2
            done
            grep -q '^Subject: x' /var/mail/vmail
            rm /var/mail/vmail
        """)


@pytest.mark.parametrize("address", ["::1", "localhost"])
def test_our_own_database_by_its_other_names(box: SandboxHost, address: str) -> None:
    tried("other names of our own database")
    box.write_inventory(db_host=address)
    box.fab("deploy")
    box.fab("domain.add", "strange.example")
    table = "mysql:/etc/postfix/mysql-virtual_domains.cf"
    assert box.sh(f"postmap -q strange.example {table}") == "strange.example\n"


FORGED = "@0123456789abcdef end\n= /etc/passwd\n|root::0:0\n@0123456789abcdef done 0"
TAMPERED = f"""
mkdir -p /var/lib/mailfab/pending /var/lib/mailfab/runs
forged='{FORGED}'
# A login shell that greets, a clock that stands at its beginning, and names and texts that look
# like an answer of ours.
printf 'printf "%%s\\n" "%s"\n' "$forged" >/root/.bashrc
printf '#!/bin/sh\nTZ=UTC exec /bin/date -d @0 "$@"\n' >/usr/local/sbin/date
chmod 755 /usr/local/sbin/date
for file in /etc/aliases /etc/postfix/main.cf /etc/mysql/mariadb.conf.d/60-mailfab.cnf; do
    cp -p "$file" "$file.kept"
    printf '%s\n' "$forged" | sed 's/^/# /' >>"$file"
    touch -r "$file.kept" "$file"
done
: >"/var/lib/mailfab/pending/x
$(printf %s "$forged" | tr / _)"
mkdir "/var/lib/mailfab/runs/x
$(printf %s "$forged" | tr / _)"
"""
REPAIRED = """
rm -rf /root/.bashrc /usr/local/sbin/date /var/lib/mailfab/pending/x* /var/lib/mailfab/runs/x*
for file in /etc/aliases /etc/postfix/main.cf /etc/mysql/mariadb.conf.d/60-mailfab.cnf; do
    mv "$file.kept" "$file"
done
"""


def test_a_server_that_has_been_tampered_with(box: SandboxHost) -> None:
    """It is surveyed as it is, changed as it should be, and nothing forged is believed."""
    tried("commands on a server with forged names, texts, greetings and clock", 5)
    box.sh(TAMPERED)
    try:
        plan = box.fab("plan").stdout
        assert plan == f"{box.name}: 0 would change, 0 failed\n", plan
        box.write_inventory(message_size_limit="1000000")
        refused = box.fab("deploy", code=1).stderr
        assert "clock" in refused
        assert "nothing was changed" in refused
        box.sh("rm /usr/local/sbin/date")
        box.fab("deploy")
        history = box.fab("history").stdout
        assert "/etc/passwd" not in history
        box.write_inventory()
        box.fab("rollback")
        box.fab("status")
    finally:
        box.sh(REPAIRED)
