"""Names that are taken, as what; and those that are refused, for which reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fabfile.model.errors import UsageError
from tasks.accounts import addresses, transports

LABEL = "a" * 63
LONG = ".".join([LABEL] * 3)

TAKEN = [
    (addresses.domain_of_ours, "Example.ORG", "example.org"),
    (addresses.domain_of_ours, "bücher.Example", "xn--bcher-kva.example"),
    (addresses.domain_of_ours, "xn--bcher-kva.example", "xn--bcher-kva.example"),
    (addresses.domain_of_ours, f"{LONG}.{'a' * 50}.org", f"{LONG}.{'a' * 50}.org"),
    (addresses.mail_address, "Sales.X+y@Example.org", ("sales.x+y@example.org", "example.org")),
    (
        addresses.mail_address,
        "a@bücher.example",
        ("a@xn--bcher-kva.example", "xn--bcher-kva.example"),
    ),
    (addresses.mail_address, f"{'l' * 64}@example.org", (f"{'l' * 64}@example.org", "example.org")),
    (addresses.source_address, "@Example.org", ("@example.org", "example.org")),
    (addresses.source_address, "a+b@example.org", ("a+b@example.org", "example.org")),
    (transports.key, ".Example.org", ".example.org"),
    (transports.key, "A@example.org", "a@example.org"),
    (transports.route, "smtp:[mx.example.net]:2525", "smtp:[mx.example.net]:2525"),
    (transports.route, ":[mx.example.net]", ":[mx.example.net]"),
    (transports.route, "lmtp:unix:/run/x/lmtp", "lmtp:unix:/run/x/lmtp"),
    (transports.route, "error:5.1.1 it has moved", "error:5.1.1 it has moved"),
]
REFUSED = [
    (addresses.domain_of_ours, "no-dots", "should be a domain name"),
    (addresses.domain_of_ours, "me@example.org", "should be a domain name"),
    (addresses.domain_of_ours, "192.0.2.1", "should be a domain name"),
    (addresses.domain_of_ours, "a_b.example", "should be a domain name"),
    (addresses.domain_of_ours, f"{LABEL}a.example", "should be a domain name"),
    (addresses.domain_of_ours, f"{LONG}.{LABEL}.org", "should be a domain name"),
    (addresses.domain_of_ours, "xn--a.example", "should be a domain name"),
    (addresses.mail_address, f"{'l' * 65}@example.org", "too long"),
    (addresses.mail_address, "@example.org", "before the @-sign"),
    (addresses.mail_address, "ä@example.org", "letters, digits"),
    (addresses.mail_address, "|x@example.org", "letters, digits"),
    (addresses.user_address, "a+b@example.org", "mail for it reaches a@example.org"),
    (addresses.source_address, "@nodots", "should be a domain name"),
    (transports.key, "*", "own domains"),
    (transports.key, "a b", "should be a domain name"),
    (transports.route, "mx.example.net", "should be a transport"),
    (transports.route, "smtp:a\nb", "should be a transport"),
    (transports.route, "smtp:" + "x" * 124, "should be a transport"),
    (transports.route, ":", "should be a transport"),
]


@pytest.mark.parametrize(("rule", "text", "found"), TAKEN)
def test_taken(rule: Callable[[str], object], text: str, found: object) -> None:
    assert rule(text) == found


@pytest.mark.parametrize(("rule", "text", "reason"), REFUSED)
def test_refused(rule: Callable[[str], object], text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        rule(text)
    assert reason in str(caught.value)


def test_destinations_stand_once_and_in_order() -> None:
    found = addresses.destinations("b@example.net, A@example.net,b@example.net", "x@example.org")
    assert found == ("b@example.net", "a@example.net")


def test_only_a_whole_domain_can_lead_to_a_whole_domain() -> None:
    assert addresses.destinations("@example.net", "@example.org") == ("@example.net",)
    with pytest.raises(UsageError, match="has no other names there"):
        addresses.destinations("@example.net", "x@example.org")


def test_people_see_what_an_internationalised_name_means() -> None:
    assert addresses.shown("a@xn--bcher-kva.example") == (
        "a@xn--bcher-kva.example (a@bücher.example)"
    )
    assert addresses.shown("a@example.org") == "a@example.org"
    assert addresses.shown("a@xn--0.example") == "a@xn--0.example"
