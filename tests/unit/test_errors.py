"""An error names host, section and resource, each filled in by the code that knows it."""

from __future__ import annotations

import pickle

from fabfile.model.errors import ApplyError, MailfabError


def test_fields_make_one_message() -> None:
    error = ApplyError(
        "exit code 1", "run it again", host="m1", section="mysql", resource="Table t"
    )
    assert str(error) == "m1: mysql: Table t: exit code 1\n    run it again"
    assert error.local_message == "mysql: Table t: exit code 1"


def test_a_known_place_is_not_replaced() -> None:
    error = MailfabError("no answer", section="mysql").at(host="m1", section="postfix")
    assert str(error) == "m1: mysql: no answer"


def test_all_fields_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ApplyError("full", "make room", host="m1", section="s")))
    assert isinstance(error, ApplyError)
    assert str(error) == "m1: s: full\n    make room"
