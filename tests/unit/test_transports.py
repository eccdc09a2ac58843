"""Rows of the table transport that become live are shown."""

from __future__ import annotations

import pytest

from tasks.resources.transports import (
    SHOWN,
    TRANSPORTS,
    WILDCARD,
    OldTransports,
    WildcardTransport,
)

SHOWS = OldTransports("m")


@pytest.mark.parametrize("count", [1, SHOWN, SHOWN + 7])
def test_rows_are_shown_and_the_rest_is_counted(count: int) -> None:
    rows = [f"d{n}.example smtp:[192.0.2.1]" for n in range(min(count, SHOWN))]
    text = SHOWS.warning(TRANSPORTS.parse([str(count), *rows])[""])
    assert all(row in text for row in rows)
    assert ("and 7 more" in text) is (count > SHOWN)
    assert "fab -H m transport.remove DOMAIN" in text


@pytest.mark.parametrize("answer", [[], ["0"], ["ERROR 1146"]])
def test_no_rows_give_no_warning(answer: list[str]) -> None:
    assert SHOWS.warning(TRANSPORTS.parse(answer).get("")) == ""
    assert WildcardTransport("m").warning(WILDCARD.parse([]).get("")) == ""


def test_row_for_all_mail_is_named_with_its_remedy() -> None:
    text = WildcardTransport("m").warning(WILDCARD.parse(["smtp:[relay.example.org]"])[""])
    assert "* smtp:[relay.example.org]" in text
    assert "DELETE FROM mail.transport WHERE domain = '*'" in text
