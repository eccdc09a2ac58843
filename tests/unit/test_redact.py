"""A secret value shows dots wherever text is made of it."""

from __future__ import annotations

import json
import pickle

import pytest

from fabfile.model.redact import REDACTED, SecretValue

SECRET = SecretValue("hunter2")


@pytest.mark.parametrize(
    "text",
    [repr(SECRET), str(SECRET), f"{SECRET}", f"{SECRET!r:>10}", str([SECRET, 1]), repr([SECRET])],
)
def test_text_of_a_secret_is_redacted(text: str) -> None:
    assert REDACTED in text
    assert "hunter2" not in text


def test_a_secret_cannot_be_written_as_json_by_accident() -> None:
    with pytest.raises(TypeError):
        json.dumps({"password": SECRET})


def test_reveal_returns_the_value() -> None:
    assert SECRET.reveal() == "hunter2"
    assert pickle.loads(pickle.dumps(SECRET)) == SECRET
    assert not SecretValue("")
