"""What verify makes of a failure: the cause in the log, and whose choice a refusal is."""

from __future__ import annotations

import smtplib

import pytest

from fabfile.model.fact import State
from fabfile.model.probe import Failed, Warned
from tasks.verify import client, diagnosis, ehlo, machine
from tasks.verify.log import Cause, cause, last_words, throttled

# Lines of real hosts, Debian 12 and the CentOS-6-like one.
AT = "Nov 27 23:12:09 mail1 "
SMTPD = f"{AT}postfix/smtpd[9]: "
REFUSED = "Connection refused"
MILTER = f"{SMTPD}warning: connect to Milter service inet:127.0.0.1:8891: {REFUSED}"
STRANGER = f"{SMTPD}warning: hostname x.example.net does not resolve to address 192.0.2.7"
POLICY = f"{SMTPD}warning: problem talking to server 127.0.0.1:10023: {REFUSED}"
DENIED = (
    f"{AT}postfix/proxymap[7]: warning: connect to mysql server 127.0.0.1: Access denied for user "
    "'mail_reader'@'localhost' (using password: YES)"
)
DOVECOT_DENIED = (
    f"{AT}dovecot: auth-worker(3): Error: mysql(127.0.0.1): Connect failed to database (mail): "
    "Access denied for user 'mail_reader'@'localhost' (using password: YES) - waiting for 1 seconds"
)
TABLE = f'{AT}postfix/proxymap[7]: warning: proxy:mysql:/etc/postfix/a.cf lookup error for "x"'
QUERY = f"{AT}postfix/proxymap[7]: warning: mysql query failed: Table 'mail.domain' doesn't exist"
FULL = f"{SMTPD}warning: not enough free space in mail queue: 1 bytes < 1.5*message size limit"
SASL = f"{SMTPD}warning: SASL: Connect to private/auth failed: {REFUSED}"
SASL_FATAL = f"{SMTPD}fatal: no SASL authentication mechanisms"
CERTIFICATE = (
    f"{AT}postfix/submission/smtpd[9]: warning: cannot get RSA certificate from file "
    '"</etc/ssl/x.pem": disabling TLS support'
)
LOCAL = (
    "2026-11-27T23:18:32.123456+00:00 mail1 postfix/local[5]: fatal: main.cf configuration error: "
    "mailbox_size_limit is smaller than message_size_limit"
)
FILTER = (
    f"{AT}postfix/smtp[5]: CCA913706B5: to=<a@b>, relay=none, status=deferred (connect to "
    "127.0.0.1[127.0.0.1]:10024: Connection refused)"
)
LDA = (
    f"{AT}postfix/pipe[8]: 4F3702FA: to=<a@b>, relay=dovecot, status=deferred (temporary failure. "
    "Command output: Can't open log file /home/vmail/dovecot-deliver.log: Permission denied )"
)
ELSEWHERE = (
    f"{AT}postfix/smtp[5]: CCA913706B5: to=<a@b>, relay=none, status=deferred (connect to "
    "mx.example.net[192.0.2.1]:25: Connection timed out)"
)
THROTTLED = f"{AT}postfix/master[1]: warning: /usr/lib/x: bad command startup -- throttling"


@pytest.mark.parametrize(
    ("lines", "kind", "subject"),
    [
        ((STRANGER, MILTER, STRANGER), "milter", "inet:127.0.0.1:8891"),
        ((POLICY,), "policy", "127.0.0.1:10023"),
        ((TABLE, DENIED, TABLE), "database", "Access denied for user 'mail_reader'@'localhost'"),
        ((DOVECOT_DENIED,), "database", "Access denied for user 'mail_reader'@'localhost'"),
        ((TABLE,), "table", "mysql:/etc/postfix/a.cf"),
        ((TABLE, QUERY), "query", "Table 'mail.domain' doesn't exist"),
        ((FULL, SASL), "disk", ""),
        ((SASL_FATAL, SASL), "auth", "SASL"),
        ((CERTIFICATE,), "tls", "postfix warning: cannot get RSA certificate"),
        ((LOCAL, THROTTLED), "local", "mailbox_size_limit is smaller"),
        ((LDA,), "permission", "/home/vmail/dovecot-deliver.log"),
        ((FILTER,), "filter", "127.0.0.1[127.0.0.1]:10024"),
    ],
)
def test_the_strongest_line_of_a_log_is_the_cause(
    lines: tuple[str, ...], kind: str, subject: str
) -> None:
    found = cause(lines)
    assert found
    assert found.kind == kind
    assert subject in found.subject


@pytest.mark.parametrize("line", [STRANGER, "no line of a log", f"{AT}cron[1]: fine"])
def test_what_clients_cause_is_no_cause(line: str) -> None:
    assert cause([line]) is None


def test_a_receiver_elsewhere_that_does_not_answer_is_no_content_filter() -> None:
    found = cause([ELSEWHERE])
    assert found is None or found.kind != "filter"


def test_a_wrong_password_is_one_cause_for_postfix_and_dovecot() -> None:
    first, second = cause([DENIED]), cause([DOVECOT_DENIED])
    assert isinstance(first, Cause)
    assert isinstance(second, Cause)
    assert (first.kind, first.subject) == (second.kind, second.subject)


def test_a_program_that_fails_at_each_start_is_throttled() -> None:
    assert throttled([LOCAL, THROTTLED])
    assert not throttled([LOCAL])


def test_the_last_words_of_a_service_are_its_last_error() -> None:
    started, stopped = f"{AT}systemd[1]: Started x.", f"{AT}systemd[1]: x: Failed"
    error = f"{AT}dovecot[4]: master: Fatal: Error reading configuration: line 3"
    expected = "dovecot: master: Fatal: Error reading configuration: line 3"
    assert last_words("\n".join([started, error, stopped])) == expected
    assert last_words(f"{started}\n") == "systemd: Started x."
    assert last_words(f"{error}\n{DENIED}") == expected
    assert last_words("") == ""


@pytest.mark.parametrize(
    "answer",
    [
        "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.7]",
        "450 4.2.0 <a@b>: Recipient address rejected: Greylisted, see http://example.net",
        "450 4.3.2 Service currently unavailable",
        "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.example.net",
        "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname",
    ],
)
def test_a_refusal_by_own_policy_is_a_warning(answer: str) -> None:
    with pytest.raises(Warned, match=answer[:3]):
        client.raise_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "451 4.3.0 <a@b>: Temporary lookup failure",
        "550 5.1.1 <a@b>: Recipient address rejected: User unknown in virtual mailbox table",
        "451 4.3.5 <a@b>: Recipient address rejected: Server configuration problem",
        "554 5.7.1 <a@b>: Relay access denied",
        "451 4.7.1 Service unavailable - try again later",
    ],
)
def test_a_refusal_by_a_fault_is_a_failure(answer: str) -> None:
    with pytest.raises(Failed, match=answer[:3]):
        client.raise_refusal(answer)


@pytest.mark.parametrize(
    ("seen", "vague"),
    [
        ("451 4.7.1 Service unavailable - try again later", True),
        ("imap@x.invalid: 451 4.3.5 Server configuration problem", True),
        ("the server closed the connection", True),
        ("127.0.0.1 port 110: nothing answers", True),
        ("u@d: status=deferred (unknown mail transport error)", True),
        ("[UNAVAILABLE] Temporary authentication failure", True),
        ("not as expected: no VRFY; offered: VRFY", False),
        ("expired on Nov 24 22:51:57 2026 GMT", False),
        ("250 2.1.5 Ok (from 192.0.2.7)", False),
    ],
)
def test_only_an_answer_without_a_reason_is_explained_by_the_log(seen: str, vague: bool) -> None:
    assert bool(diagnosis.VAGUE.match(seen)) is vague


@pytest.mark.parametrize(
    ("word", "offered", "left_out", "on_purpose"),
    [
        ("DSN", set(), {"dsn", "vrfy"}, True),
        ("VRFY", set(), {"dsn", "vrfy"}, True),
        ("SIZE 30720000", set(), {"size"}, True),
        ("SIZE 30720000", {"SIZE 1"}, {"size"}, False),
        ("DSN", set(), set(), False),
    ],
)
def test_a_keyword_left_out_on_purpose_is_told_from_one_that_is_missing(
    word: str, offered: set[str], left_out: set[str], on_purpose: bool
) -> None:
    assert ehlo._on_purpose(word, offered, left_out) is on_purpose


def disks(*lines: str) -> dict[tuple[str, str], State]:
    return {(machine.DISKS.name, k): v for k, v in machine.DISKS.parse(list(lines)).items()}


def test_a_full_disk_is_named_with_what_it_needs() -> None:
    states = disks("40000 500 /var/spool/postfix", "40000 - /home/vmail")
    with pytest.raises(Failed, match="/var/spool/postfix has 40000 KiB free and needs 45000"):
        machine._room(states, 30_720_000)
    states = disks("80000 500 /var/spool/postfix", "1000 500 /home/vmail")
    with pytest.raises(Failed, match="/home/vmail has 1000 KiB free"):
        machine._room(states, 30_720_000)
    states = disks("80000 3 /var/spool/postfix")
    with pytest.raises(Failed, match="3 inodes"):
        machine._room(states, 30_720_000)
    assert machine._room(disks("80000 - /var/spool/postfix"), 30_720_000) == "78 MiB free at least"


def test_a_smtp_error_is_vague_as_smtplib_tells_it() -> None:
    error = smtplib.SMTPHeloError(451, b"4.7.1 Service unavailable - try again later")
    assert diagnosis.VAGUE.match(f"{error.smtp_code} {error.smtp_error!r}")
