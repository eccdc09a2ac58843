"""The order in which host tests are given out."""

from __future__ import annotations

from tests.e2e.schedule import next_piece, piece

QUEUE = ["heal.py el6", "heal.py debian12", "meter.py ", "deploy.py el6", "deploy.py debian12"]


def test_a_piece_is_a_file_on_a_system() -> None:
    assert piece("tests/a.py::test_heal[debian12 postfix: x]") == "tests/a.py debian12"
    assert (
        piece("tests/a.py::test_x[el6]") == piece("tests/a.py::test_y[el6-z]") == "tests/a.py el6"
    )
    assert piece("tests/a.py::test_x") == "tests/a.py "


def test_a_process_keeps_to_its_systems_and_then_takes_one_that_nobody_has() -> None:
    assert next_piece(QUEUE, set(), set()) == "heal.py el6"
    assert next_piece(QUEUE, {"debian12"}, {"el6"}) == "heal.py debian12"
    assert next_piece(QUEUE, set(), {"el6"}) == "heal.py debian12"
    assert next_piece(QUEUE[3:], {"debian11"}, {"el6", "debian12"}) == "deploy.py el6"
