"""What a plan shows of a file that changes."""

from __future__ import annotations

import pytest

from fabfile.engine.apply import ApplyBatch
from fabfile.engine.plan import Plan, SectionPlan
from fabfile.model.host import Host, Platform
from fabfile.model.redact import SecretValue
from fabfile.model.resource import Change
from fabfile.model.section import Section
from fabfile.report.diff import plan, plan_lines
from fabfile.resources.file import CONTENT, File
from tasks.dovecot import dovecot
from tasks.guide import GUIDE

SECRET = SecretValue("correct-horse")


def shown(file: File, present: str) -> str:
    """Return the plan of one file whose content changes."""
    host = Host("m").surveyed(Platform("debian", "12"), {"password": SECRET})
    change = Change(file, {"content": ("0", "1")}, creates=False)
    section = Section("trial", "A trial", lambda host: iter(()))
    part = SectionPlan(section, (file,), (change,), ApplyBatch("trial", (), ()))
    return "\n".join(plan_lines(plan(Plan(host, (part,)), {file.path: present})))


ONLY_A_SECRET = "only a secret changes"


@pytest.mark.parametrize(
    ("present", "says"),
    [
        ("a\nb\n\n", "      -\n"),
        ("a\nb\n\n\n", "      -\n      -\n"),
        ("a\nb", "      -b\n      \\ No newline at end of file\n      +b"),
        ("a\nb \n", "      -b \n      +b"),
        ("a\r\nb\n", "      -a\r\n      +a"),
        ("a\fb\n", "      -a\fb\n"),
        ("a\u2028b\n", "      -a\u2028b\n"),
        ("\na\nb\n", "      -\n"),
        ("", "      +a\n      +b"),
    ],
)
def test_change_that_is_hard_to_see_is_shown(present: str, says: str) -> None:
    text = shown(File("/etc/x", "a\nb\n"), present) + "\n"
    assert says in text
    assert ONLY_A_SECRET not in text


def test_only_a_secret_is_said_when_only_a_secret_changes() -> None:
    file = File("/etc/x", f"password = {SECRET.reveal()}\n", secret=True)
    assert ONLY_A_SECRET in shown(file, "password = another\n")
    assert ONLY_A_SECRET not in shown(file, f"{file.content}\n")
    other = File("/etc/x", "a\n")
    assert ONLY_A_SECRET not in shown(other, "a\n")
    assert "bytes differ" in shown(other, "a\n")


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("|a\n|b\n", "a\nb\n"),
        ("|a\n|\n", "a\n\n"),
        ("|a\n|b\n\n-\n", "a\nb"),
        ("|a\n|-\n", "a\n-\n"),
        ("", ""),
    ],
)
def test_text_of_a_file_arrives_with_its_last_newline(printed: str, text: str) -> None:
    lines = [line for line in f"= /etc/x\n{printed}".split("\n") if line]
    assert CONTENT.parse(lines) == {"/etc/x": {"text": text}}


@pytest.mark.parametrize(
    ("release", "present", "because"),
    [
        ("12", "protocols = imap pop3\n\n", False),
        ("12", "!include conf.d/*.conf\n", False),
        ("12", "dovecot_config_version = 2.4.0\n", True),
        ("13", "dovecot_config_version = 2.4.0\nprotocols {\n}\n", False),
        ("13", "# dovecot_config_version = 2.4.0\nprotocols = imap\n", True),
        ("13", "", False),
    ],
)
def test_dialect_is_the_reason_only_where_it_is(release: str, present: str, because: bool) -> None:
    host = GUIDE.validate(Host("m", {"fqdn": "m.example.org"}))
    secrets = {secret.name: SecretValue("x") for secret in GUIDE.secrets}
    resources = dovecot(host.surveyed(Platform("debian", release), secrets))
    (file,) = [r for r in resources if isinstance(r, File) and r.path.endswith("dovecot.conf")]
    assert ("because the Dovecot" in shown(file, present)) is because
