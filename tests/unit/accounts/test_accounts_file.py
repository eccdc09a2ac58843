"""accounts.yml: written, read back, and compared with what a host has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabfile.model.errors import UsageError
from tasks.accounts import accounts_file
from tasks.accounts.difference import Difference, compare
from tasks.accounts.hashes import hashed
from tasks.accounts.state import Accounts

OWN = "mail1.example.test"
HASH = hashed("x")
PRESENT = Accounts(
    {"example.org", "odd_name"},
    {"sales@example.org": "$6$old", "closed@example.org": "$!$6$x", "odd user": ""},
    {"info@example.org": ("sales@example.org",), "odd@example.org": ("|odd",)},
    {"example.net": "smtp:[mx.example.net]", "*": "odd"},
)


def declared(text: str, folder: Path) -> accounts_file.Declared:
    """Return what a file with this text declares."""
    path = folder / "accounts.yml"
    path.write_text(text, encoding="utf-8")
    return accounts_file.read(path)


def compared(text: str, folder: Path, *, prune: bool = False) -> Difference:
    return compare(declared(text, folder), PRESENT, OWN, prune=prune)


names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Lu", "Lt"]), max_size=20).filter(
    lambda text: text == text.lower()
)
destinations = st.lists(st.text("abc@.-+|/é", min_size=1, max_size=9), max_size=3).map(tuple)


@given(
    st.builds(
        Accounts,
        st.sets(names),
        st.dictionaries(names, st.text("!*$6./{}ab", max_size=9)),
        st.dictionaries(names, destinations),
        st.dictionaries(names, names),
    ),
    st.integers(1, 2**63 - 1),
)
def test_what_is_exported_is_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, accounts: Accounts, quota: int
) -> None:
    """Any rows of the database come back unchanged."""
    accounts.quotas = dict.fromkeys(list(accounts.users)[:2], quota)
    path = tmp_path_factory.mktemp("export") / "accounts.yml"
    for with_hashes in (True, False):
        text = accounts_file.text(accounts, with_hashes=with_hashes)
        path.write_text(text, encoding="utf-8")
        found = compare(accounts_file.read(path), accounts, OWN, prune=True)
        assert len(found) == 0
    path.write_text(accounts_file.text(accounts, with_hashes=True), encoding="utf-8")
    again = accounts_file.read(path)
    assert {user: u.stored(None) for user, u in again.users.items()} == accounts.users
    assert (set(again.domains), again.forwardings, again.transports) == (
        accounts.domains,
        accounts.forwardings,
        accounts.transports,
    )


def test_what_is_declared_is_written(tmp_path: Path) -> None:
    found = compared(
        f"""
        domains: [bücher.example]
        users:
          New@example.org:
          sales@example.org: {{password: '{HASH}', disabled: true}}
          closed@example.org: {{}}
        forwardings:
          info@example.org: [new@example.org, a@example.com]
        transports:
          example.net: 'smtp:[other.example.net]'
        """,
        tmp_path,
    )
    assert found.write == Accounts(
        {"xn--bcher-kva.example"},
        {
            "new@example.org": "*",
            "sales@example.org": f"$!{HASH}",
            "closed@example.org": "$6$x",
        },
        {"info@example.org": ("new@example.org", "a@example.com")},
        {"example.net": "smtp:[other.example.net]"},
    )
    assert not found.remove
    lines = list(found.lines())
    assert "  ~ user sales@example.org: another password, disabled" in lines
    assert "  ~ user closed@example.org: enabled" in lines
    assert "  + user new@example.org" in lines
    assert HASH not in "".join(lines)


def test_only_with_prune_is_anything_removed(tmp_path: Path) -> None:
    text = "domains: [example.org]\nusers: {sales@example.org: {}}"
    assert not compared(text, tmp_path)
    found = compared(text, tmp_path, prune=True)
    assert found.remove.domains == {"odd_name"}
    assert set(found.remove.users) == {"closed@example.org", "odd user"}
    assert found.mail_removed() == ["odd_name", "closed@example.org", "odd user"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"domains: [{OWN}]", "the server's own name"),
        ("users: {a@nowhere.example: {}}", "nowhere.example is not among the domains"),
        ("users: {a+b@example.org: {}}", "is a tag"),
        ("users: {a@example.org: {password: secret}}", "no login is possible"),
        ("users: {a@example.org: {}, A@example.org: {}}", "different spellings"),
        ("forwardings: {x@example.org: y@example.org}", "there is no user y@example.org"),
        ("forwardings: {info@example.org: a@example.com, x@example.org: '|sh'}", "mail address"),
        ("transports: {x.example: nowhere}", "should be a transport"),
        ("users: [a@example.org]", "names, each with a colon"),
        ("users: {a@example.org: {passwort: x}}", "'passwort' should be one of"),
        ("users: {a@example.org: {disabled: 1}}", "true or false"),
        ("users: {a@example.org: {quota: much}}", "such as 500M or 2G"),
        ("users: {a@example.org: {password: 12}}", "in quotes"),
        ("domains: [example.org]\ndomains: [b.example]", "stands twice"),
        ("users: {a@example.org: {}, a@example.org: {}}", "stands twice"),
        ("domains: [", "is not YAML"),
        ("domains: {a: {[x]: y}}", "not YAML"),
        ("- a", "names, each with a colon"),
    ],
)
def test_what_cannot_be_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        compared(text, tmp_path)
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_removal_may_not_leave_a_forwarding_without_an_end(tmp_path: Path) -> None:
    text = """
    domains: [example.org]
    forwardings: {info@example.org: [sales@example.org]}
    """
    with pytest.raises(UsageError, match=r"there is no user sales@example.org"):
        compared(text, tmp_path, prune=True)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    users = "\n".join(f"  u{n}@nowhere.example:" for n in range(30))
    with pytest.raises(UsageError) as caught:
        compared(f"users:\n{users}", tmp_path)
    assert "u0@" in str(caught.value)
    assert "and 10 more" in str(caught.value)
