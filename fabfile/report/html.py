"""The HTML report: one file with everything in it, to open or to send."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fabfile.model.system import version
from fabfile.report import atomic_file
from fabfile.report.check import counts
from fabfile.report.run import Record
from fabfile.report.visible import visible

if TYPE_CHECKING:
    from jinja2 import Template


def _finalize(value: object) -> object:
    """Make text visible. Markup is the template's own, or has been through here already."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _moment
    environment.filters["counts"] = counts
    return environment.get_template("page.html")


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if seconds else "–"


def render(record: Record) -> str:
    """Return the page."""
    results = record.in_order
    ends = Counter(result.status.value for result in results)
    longest = max((result.seconds for result in results), default=0.0)
    return _template().render(
        record=record, results=results, ends=ends, longest=max(longest, 0.001), version=version()
    )


def write(record: Record, path: Path) -> None:
    """Write the page."""
    atomic_file.write(path, render(record))
