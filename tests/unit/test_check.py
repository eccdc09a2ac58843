"""Checks, their lines, and what is read from a host: no host needed."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
import time
from ipaddress import ip_address

import pytest

from fabfile.model.errors import HostError
from fabfile.model.probe import Failed, Probe, Skipped, Warned
from fabfile.report.check import Check, Outcome
from tasks.verify import display, trace
from tasks.verify.listener import ADDRESSES, LISTENERS, address, listening, stranger
from tasks.verify.lookup import LOOKUPS
from tasks.verify.probe import perform
from tasks.verify.temporary import NAME, new_domain, stale


def raising(error: Exception) -> Probe:
    def look() -> str:
        raise error

    return Probe("it works", "yes", look, "mend it", needs=("before",))


@pytest.mark.parametrize(
    ("error", "outcome", "seen"),
    [
        (Failed("no"), Outcome.FAILED, "no"),
        (Warned("well"), Outcome.WARNED, "well"),
        (Skipped("not here"), Outcome.SKIPPED, "not here"),
        (TimeoutError("timed out"), Outcome.FAILED, "no answer in time"),
        (EOFError(), Outcome.FAILED, "the server closed the connection"),
        (smtplib.SMTPDataError(451, b"4.3.0 later"), Outcome.FAILED, "451 4.3.0 later"),
        (HostError("h: it is down", "start it"), Outcome.FAILED, "h: it is down"),
    ],
)
def test_what_a_check_raises_is_its_outcome(error: Exception, outcome: Outcome, seen: str) -> None:
    check = perform(raising(error), "Chapter", {})
    assert (check.outcome, check.seen) == (outcome, seen)


def test_a_check_is_skipped_when_one_that_it_needs_failed() -> None:
    before = perform(Probe("before", "", raising(Failed("no")).look, ""), "Chapter", {})
    check = perform(raising(Failed("never asked")), "Chapter", {"before": before})
    assert (check.outcome, check.seen) == (Outcome.SKIPPED, "not reached: see 'before' above")
    # And the reason travels on along a chain.
    after = Probe("after", "", lambda: "", "", needs=("it works",))
    assert perform(after, "Chapter", {"it works": check}).seen == check.seen


def test_the_addresses_of_proc_net_tcp() -> None:
    assert str(address("0100007F")) == "127.0.0.1"
    assert str(address("00000000000000000000000001000000")) == "::1"
    assert str(address("0000000000000000FFFF00000100007F")) == "127.0.0.1"
    lines = ["0100007F:0CEA", "00000000:0019", "00000000000000000000000000000000:0019"]
    states = {(LISTENERS.name, k): v for k, v in LISTENERS.parse(lines).items()}
    assert listening(states, 3306) == [ip_address("127.0.0.1")]
    assert listening(states, 25) == [ip_address("0.0.0.0"), ip_address("::")]
    assert listening(states, 80) == []


def test_a_stranger_is_an_address_that_is_not_trusted() -> None:
    found = ADDRESSES.parse(["fe80::1", "2001:db8::5", "10.0.0.5", "203.0.113.5", ""])
    states = {(ADDRESSES.name, key): state for key, state in found.items()}
    assert stranger(states, "127.0.0.0/8 10.0.0.0/8 [::1]/128") == "203.0.113.5"
    assert stranger(states, "0.0.0.0/0") == "2001:db8::5"
    assert stranger(states, "0.0.0.0/0 [::]/0") is None


def test_only_temporary_domains_that_are_old_are_stale() -> None:
    assert NAME.fullmatch(new_domain())
    assert not stale(new_domain())
    assert stale(f"mailfab-verify-{int(time.time()) - 7200:08x}abcd.invalid")
    assert not stale("mailfab-verify-00000000abcd.invalid.example.com")
    assert not stale("../mailfab-verify-00000000abcd.invalid")


def test_a_trace_says_why_there_is_no_mail() -> None:
    output = (
        "file abc /home/vmail/d/u/Maildir/new/1\n"
        "saved lda(u@d)<1><x>: Info: msgid=<abc@d>: saved mail to INBOX\n"
        "log pipe[1]: Q1: to=<u@d>, relay=dovecot, status=deferred (temporary failure)\n"
        "queue Q1 10 Mon\n"
    )
    found = trace.read(output)
    assert found.files == {"abc": "/home/vmail/d/u/Maildir/new/1"}
    assert found.failure("u@d") == "status=deferred (temporary failure)"
    assert found.failure("other@d").startswith("no file within")


def test_a_lookup_keeps_what_the_tool_complained_of() -> None:
    lines = ["= postmap t k", "!postmap: fatal: x", "= postmap t l", "|value", "= postmap t m"]
    found = LOOKUPS.parse(lines)
    assert found["postmap t k"] == {"value": "", "complaint": "postmap: fatal: x"}
    assert found["postmap t l"] == {"value": "value", "complaint": ""}
    assert found["postmap t m"] == {"value": "", "complaint": ""}


def test_the_lines_of_a_check() -> None:
    failed = Check("TLS works", "Ports", "a session", "454", Outcome.FAILED, "mend it")
    assert list(display.lines(failed)) == [
        "  FAIL  TLS works",
        "          expected: a session",
        "          seen:     454",
        "          do:       mend it",
    ]
    passed = Check("TLS works", "Ports", "a session", "TLSv1.3", Outcome.PASSED)
    assert list(display.lines(passed)) == ["  ok    TLS works: TLSv1.3"]


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (ConnectionRefusedError("nothing answers"), "nothing answers"),
        (ConnectionResetError("x"), "the server closed the connection"),
        (BrokenPipeError(32, "Broken pipe"), "the server closed the connection"),
        (TimeoutError(), "no answer in time"),
        (EOFError(), "the server closed the connection"),
        (ssl.SSLError(1, "handshake failure"), "TLS failed: handshake failure"),
        (smtplib.SMTPServerDisconnected("x"), "the server closed the connection"),
        (smtplib.SMTPResponseException(451, b"later"), "451 later"),
        (imaplib.IMAP4.error("NO"), "NO"),
        (imaplib.IMAP4.abort("gone"), "gone"),
        (poplib.error_proto(b"-ERR no"), "-ERR no"),
        (UnicodeDecodeError("ascii", b"\xff", 0, 1, "odd"), "'ascii' codec"),
        (HostError("the database refused", "look"), "the database refused"),
    ],
)
def test_an_error_of_the_network_fails_the_check(error: Exception, seen: str) -> None:
    check = perform(raising(error), "Ports", {})
    assert check.outcome is Outcome.FAILED
    assert check.seen.startswith(seen)


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), AttributeError("x"), AssertionError(), TypeError("x"), ValueError("x")],
    ids=lambda error: type(error).__name__,
)
def test_a_bug_of_ours_is_no_failed_check(error: Exception) -> None:
    with pytest.raises(type(error)):
        perform(raising(error), "Ports", {})
