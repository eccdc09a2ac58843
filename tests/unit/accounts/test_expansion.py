"""Chains of forwardings, as Postfix follows them."""

from __future__ import annotations

import pytest

from tasks.accounts.expansion import flaws, lookup
from tasks.accounts.state import Accounts

OURS = Accounts(
    domains={"a.example", "b.example"},
    users={"user@a.example": "x", "other@b.example": "x"},
)


def with_forwardings(**more: tuple[str, ...]) -> Accounts:
    """Return the accounts with forwardings, written as `name_a`, or `_a` for a catch-all."""
    sources = {f"{key.replace('_', '@')}.example": to for key, to in more.items()}
    return Accounts(OURS.domains, OURS.users, sources)


FINE: list[dict[str, tuple[str, ...]]] = [
    {"x_a": ("user@a.example",)},
    {"x_a": ("someone@elsewhere.example",)},
    {"x_a": ("user+tag@a.example",)},
    {"user_a": ("user@a.example", "someone@elsewhere.example")},
    {"_a": ("user@a.example",)},
    {"_a": ("someone@elsewhere.example",), "x_a": ("anything@a.example",)},
    {"_a": ("@b.example",), "_b": ("other@b.example",)},
    {"x_a": ("y@a.example", "z@a.example"), "y_a": ("user@a.example",), "z_a": ("y@a.example",)},
]
FLAWED: list[tuple[str, str, dict[str, tuple[str, ...]]]] = [
    ("x@a.example", "there is no user nobody@a.example", {"x_a": ("nobody@a.example",)}),
    ("x@a.example", "there is no user x@a.example", {"x_a": ("x@a.example",)}),
    ("x@a.example", "is a loop", {"x_a": ("y@a.example",), "y_a": ("x@a.example",)}),
    ("user@a.example", "is a loop", {"user_a": ("y@a.example",), "y_a": ("user@a.example",)}),
    ("@a.example", "*@a.example > *@b.example > *@a.example is a loop",
        {"_a": ("@b.example",), "_b": ("@a.example",)}),
    ("@a.example", "there is no user nobody@a.example", {"_a": ("nobody@a.example",)}),
    ("@a.example", "there is no user *@b.example", {"_a": ("@b.example",)}),
    ("x@a.example", "y@a.example > gone@b.example: there is no user",
        {"x_a": ("y@a.example",), "y_a": ("gone@b.example",)}),
]  # fmt: skip


@pytest.mark.parametrize("forwardings", FINE)
def test_mail_arrives(forwardings: dict[str, tuple[str, ...]]) -> None:
    accounts = with_forwardings(**forwardings)
    for source in accounts.forwardings:
        assert flaws(accounts, source) == []


@pytest.mark.parametrize(("source", "reason", "forwardings"), FLAWED)
def test_mail_gets_nowhere(
    source: str, reason: str, forwardings: dict[str, tuple[str, ...]]
) -> None:
    (found,) = flaws(with_forwardings(**forwardings), source)
    assert reason in found


def test_a_user_comes_before_a_catch_all() -> None:
    accounts = with_forwardings(_a=("other@b.example",))
    assert lookup(accounts, "user@a.example") == ("user@a.example",)
    assert lookup(accounts, "user+tag@a.example") == ("user@a.example",)
    assert lookup(accounts, "anybody@a.example") == ("other@b.example",)
    assert lookup(accounts, "anybody@b.example") == ()
