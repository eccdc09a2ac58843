"""Sizes, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabfile.model.errors import UsageError
from tasks.accounts.quotas import LARGEST, size, written


@given(st.integers(0, LARGEST))
def test_what_is_written_is_read_back(number: int) -> None:
    assert size(written(number)) == number


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("500", 500), ("20k", 20480), ("2G", 2 * 1024**3)]
)
def test_sizes(text: str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize("text", ["", "G", "-1", "1.5G", "1GB", "1 G", "9999999T", "٣"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="500M or 2G"):
        size(text)
