"""What an audit finds: each kind, and nothing where all is well."""

from __future__ import annotations

from tasks.accounts.audit import Surroundings, findings
from tasks.accounts.hashes import hashed
from tasks.accounts.state import Accounts

STRONG = hashed("x")
WELL = Accounts(
    {"example.org"},
    {"a@example.org": STRONG, "b@example.org": f"$!{STRONG}"},
    {"@example.org": ("a@example.org",)},
    {"example.net": "smtp:[mx.example.net]", "b.example": ":[mx]"},
)
AROUND = Surroundings(
    frozenset({"a@example.org", "imap@mailfab-verify-00000000abcd.invalid"}),
    frozenset({"mail1.example.org", "localhost"}),
    frozenset({"smtp", "dovecot"}),
)


def test_nothing_where_all_is_well() -> None:
    assert list(findings(WELL, AROUND)) == []


def test_each_kind() -> None:
    accounts = Accounts(
        {"example.org", "mail1.example.org"},
        {
            "des@example.org": "ab1234567890.",
            "empty@example.org": "",
            "new@example.org": "*",
            "a@gone.example": STRONG,
        },
        {"x@gone.example": ("new@example.org",), "y@example.org": ("nobody@example.org",)},
        {"example.net": "smpt:[mx]"},
    )
    around = Surroundings(frozenset({"old@example.org"}), AROUND.local_domains, AROUND.agents)
    assert [(found.kind, found.name) for found in findings(accounts, around)] == [
        (kind, user)
        for kind, user in (
            ("weak password", "des@example.org"),
            ("empty password", "empty@example.org"),
            ("unusable password", "new@example.org"),
            ("user without domain", "a@gone.example"),
            ("forwarding without domain", "x@gone.example"),
            ("forwarding to nowhere", "y@example.org"),
            ("domain of system accounts", "mail1.example.org"),
            ("transport to nowhere", "example.net"),
            ("mailbox without user", "old@example.org"),
        )
    ]
