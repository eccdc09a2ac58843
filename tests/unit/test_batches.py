"""Batches: their sizes, and the budget of failures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabfile.fleet.batches import Amount, Strategy, amount
from fabfile.model.errors import UsageError

SHARES = st.builds(Amount, st.integers(0, 120), st.just(False)) | st.builds(
    Amount, st.integers(0, 100), st.just(True)
)


@pytest.mark.parametrize(
    ("canary", "batch", "hosts", "sizes"),
    [
        ("1", "3", 10, [1, 3, 3, 3]),
        ("0", "25%", 10, [3, 3, 3, 1]),
        ("5%", "25%", 7, [1, 2, 2, 2]),
        ("0", "100%", 4, [4]),
        ("9", "1", 3, [3]),
        ("1", "10", 1, [1]),
        ("0", "1%", 3, [1, 1, 1]),
    ],
)
def test_sizes(canary: str, batch: str, hosts: int, sizes: list[int]) -> None:
    strategy = Strategy(amount("canary", canary, 0), amount("batch", batch, 1))
    assert [len(found) for found in strategy.batches(range(hosts))] == sizes


@given(SHARES, SHARES, st.lists(st.integers(), max_size=60))
def test_every_host_is_in_one_wave_in_order(
    canary: Amount, batch: Amount, hosts: list[int]
) -> None:
    batches = Strategy(canary, batch).batches(hosts)
    assert [host for found in batches for host in found] == hosts
    assert all(batches)


@pytest.mark.parametrize(
    ("allowed", "failures", "over"),
    [
        ("0", 0, False),
        ("0", 1, True),
        ("4", 4, False),
        ("4", 5, True),
        ("10%", 1, False),
        ("10%", 2, True),
        ("9%", 1, True),
        ("100%", 10, False),
    ],
)
def test_the_budget(allowed: str, failures: int, over: bool) -> None:
    strategy = Strategy(max_failures=amount("max-failures", allowed, 0))
    assert strategy.over(failures, 10) is over


@pytest.mark.parametrize("text", ["", "-1", "0", "x", "101%", "1.5", "10 %", "٣", "9999999"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--batch is"):
        amount("batch", text, 1)
