"""The terminal: whole lines, no control characters, live pictures only where they can be seen."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import sys
import threading

import pytest

from fabfile.report.terminal import Terminal
from fabfile.report.visible import LONGEST_LINE, shortened, visible
from tests.hostile_text import HOSTILE


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items())
def test_hidden_characters_are_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_only_over_long_lines_are_shortened() -> None:
    long = "x" * (LONGEST_LINE + 5)
    assert shortened(f"a\n{long}\nb") == f"a\n{'x' * LONGEST_LINE}… (5 more characters)\nb"
    assert shortened("short\n" * LONGEST_LINE) == "short\n" * LONGEST_LINE


def test_lines_go_to_output_and_errors_to_errors(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.lines("one\ntwo\x1b")
    terminal.error("three\x1b")
    assert capsys.readouterr() == ("one\ntwo\\x1b\n", "three\\x1b\n")


def test_nothing_is_drawn_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    assert not terminal.interactive
    terminal.start_live(lambda: pytest.fail("drawn"))
    terminal.lines("line")
    terminal.stop_live()
    assert capsys.readouterr().out == "line\n"


def test_texts_of_several_threads_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    texts = [f"{n}\n" * 20 + f"{n}" for n in range(8)]
    threads = [threading.Thread(target=terminal.lines, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capsys.readouterr().out.split()
    assert all(len(set(lines[n : n + 21])) == 1 for n in range(0, len(lines), 21))
    assert len(lines) == 21 * 8


def test_a_reader_that_has_gone_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    terminal = Terminal()
    terminal.lines("one")
    assert terminal.broken
    terminal.lines("two")


def read_all(terminal: int) -> str:
    """Return all that was written to the other end of a pseudo-terminal, which is closed by now."""
    found = b""
    # Linux answers with EIO at the end.
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 65536):
            found += data
    return found.decode()


def test_lines_stand_above_the_live_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        # Not in a fixture: pytest captures standard output anew between set-up and test.
        monkeypatch.setattr(sys, "stdout", stream)
        terminal = Terminal()
        assert terminal.interactive
        terminal.start_live(lambda: "working")
        terminal.lines("a line of \x1b[31ma host")
        terminal.stop_live()
    shown = read_all(ours)
    os.close(ours)
    assert "a line of \\x1b[31ma host" in shown
    assert shown.index("a line of") < shown.rindex("working")
