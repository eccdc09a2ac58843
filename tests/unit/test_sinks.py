"""Each sink escapes hidden characters, whichever field of a result they come in."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fabfile.report import html, json_report, junit, table
from fabfile.report.check import Check, Outcome
from fabfile.report.progress import ManyHosts, OneHost
from fabfile.report.recorder import Event, Kind
from fabfile.report.result import Block, Phase, Result, Status
from fabfile.report.run import Record
from fabfile.report.terminal import Terminal, prompt
from fabfile.report.visible import HIDDEN
from tests.hostile_text import HOSTILE

ALL = "|".join(HOSTILE)


def record(text: str) -> Record:
    """Return a run whose hosts have sent the text in every field that a host can fill."""
    found = Result("m1", Status.FAILED, 1, f"m1: 1 changed, 1 failed {text}", 1)
    found.started, found.seconds = 1_790_000_001.0, 1.0
    found.message, found.remedy, found.rolled_back = text, text, text
    found.runs, found.warnings = [text], [text]
    found.phases = [Phase(text, text, 0.0, 1.0, [text], [text])]
    found.checks = [Check(text, text, text, text, outcome, text) for outcome in Outcome]
    found.plan = found.replaced = [Block(text, (f"  ~ {text}", f"      -{text}", f"      +{text}"))]
    # Without a phase, the error stands in a case of its own.
    bare = Result("m2", Status.FAILED, 1, message=text)
    made = Record(["verify", text], ["m1", "m2"], started=1_790_000_000.0)
    made.results = {"m1": found, "m2": bare}
    return made


def has_hidden(text: str) -> bool:
    return HIDDEN.search(text) is not None


def test_the_table_of_hostile_texts_is_hostile() -> None:
    assert [text for text in HOSTILE if not has_hidden(text)] == [
        "tab\tand\nline",
        "plain é 漢 ±",
    ]


def test_junit_is_well_formed_and_shows_hidden_characters_escaped(tmp_path: Path) -> None:
    junit.write(record(ALL), tmp_path / "junit.xml")
    text = (tmp_path / "junit.xml").read_text(encoding="utf-8")
    assert not has_hidden(text)
    root = ET.fromstring(text)
    [error] = [e for e in root.iter("error") if e.text and e.text.startswith("m2")]
    assert error.text == "m2: " + "|".join(HOSTILE.values())


def test_the_page_shows_hidden_characters_escaped() -> None:
    page = html.render(record(ALL))
    assert not has_hidden(page)
    assert "\\x1b]52;" in page


def test_json_is_ascii_and_keeps_the_text(tmp_path: Path) -> None:
    text = ALL.replace("\ud800", "")
    json_report.write(record(text), tmp_path / "r.json")
    written = (tmp_path / "r.json").read_bytes()
    assert written.isascii()
    assert not has_hidden(written.decode())
    assert json.loads(written)["hosts"][0]["warnings"] == [text]


@pytest.mark.parametrize("hosts", [1, 2])
def test_the_terminal_shows_hidden_characters_escaped(
    hosts: int, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    progress = OneHost(terminal) if hosts == 1 else ManyHosts(terminal, hosts)
    found = record(ALL).results["m1"]
    for kind in Kind:
        progress.emit(Event("m1", kind, ALL))
    found.lines = [ALL]
    progress.done(found)
    terminal.lines(table.results([found], terminal=True))
    prompt(f"{ALL} Go on?")
    out, err = capsys.readouterr()
    assert "\\x1b]52;" in out
    assert "\\x1b]52;" in err
    assert not has_hidden(out + err)


def test_a_live_picture_shows_hidden_characters_escaped() -> None:
    from rich.console import Console

    one, many = OneHost(Terminal()), ManyHosts(Terminal(), 2)
    for progress in (one, many):
        progress.terminal.interactive = False
        progress.emit(Event("m1", Kind.BUSY, ALL))
        console = Console(width=2000, color_system=None, force_terminal=False)
        with console.capture() as shown:
            console.print(progress._picture())
        assert "\\x1b]52;" in shown.get()
        assert not has_hidden(shown.get())
