"""The output of account commands: lines and a summary, or one line of JSON for each host.

The JSON takes the place of the summary, so that the output for several hosts is JSON Lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from fabfile.fleet.host_connection import HostConnection
from fabfile.report.summary import Summary

Row = Mapping[str, object]
HELP = "answer with one line of JSON for each host"


def done(
    c: HostConnection, changed: bool, text: str, *, as_json: bool = False, **facts: object
) -> None:
    """Report a change of one thing, or that there was none."""
    c.report.changed += changed
    if as_json:
        _json(c, {"changed": int(changed), "message": text, **facts})
        return
    c.report.line(text)
    c.report.summarize(Summary.changed(c.report.changed))


def listed(c: HostConnection, noun: str, rows: Sequence[Row], *, as_json: bool = False) -> None:
    """List things with their facts, one a line."""
    if as_json:
        _json(c, {noun: rows})
        return
    for row in rows:
        c.report.line("  ".join(_text(value) for value in row.values() if value not in ("", None)))
    c.report.summarize(Summary.listed((len(rows), noun)))


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _json(c: HostConnection, facts: Mapping[str, object]) -> None:
    line = json.dumps({"host": c.target.name, **facts})
    # Several commands in one run: a line for each.
    earlier = c.report.summary if c.report.summary.startswith("{") else ""
    c.report.summary = "\n".join(filter(None, (earlier, line)))
