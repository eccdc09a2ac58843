"""Waves: their sizes, and the budget of failures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabfile.fleet.batches import Share, Strategy, share
from fabfile.model.errors import UsageError

SHARES = st.builds(Share, st.integers(0, 120), st.just(False)) | st.builds(
    Share, st.integers(0, 100), st.just(True)
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
    strategy = Strategy(share("canary", canary, 0), share("batch", batch, 1))
    assert [len(wave) for wave in strategy.waves(range(hosts))] == sizes


@given(SHARES, SHARES, st.lists(st.integers(), max_size=60))
def test_every_host_is_in_one_wave_in_order(canary: Share, batch: Share, hosts: list[int]) -> None:
    waves = Strategy(canary, batch).waves(hosts)
    assert [host for wave in waves for host in wave] == hosts
    assert all(waves)


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
    strategy = Strategy(max_failures=share("max-failures", allowed, 0))
    assert strategy.over(failures, 10) is over


@pytest.mark.parametrize("text", ["", "-1", "0", "x", "101%", "1.5", "10 %", "٣", "9999999"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--batch is"):
        share("batch", text, 1)
