"""The picture of the figures: bars of wall time, one panel for each case, as SVG.

Each panel has its own scale, which compares the tools of one case. Each bar shows its figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from benchmarks.cost import digits
from benchmarks.figures import TITLES, TOOLS, WORKS, Case, Figures

HERE = Path(__file__).resolve().parent
WIDTH, BAR, NAMES, GAP = 290, 20, 112, 34
"""Widths of a panel, a bar with its distance, the names, and the gap of panels, in pixels."""
LONGEST = WIDTH - NAMES - 58
"""Length of the longest bar, which leaves space for its figure, in pixels."""


@dataclass(frozen=True)
class Bar:
    """The bar of one tool's wall time; length and place in pixels."""

    tool: str
    title: str
    seconds: str
    length: float
    y: int


@dataclass(frozen=True)
class Panel:
    """The panel of one case; its place in pixels."""

    title: str
    size: str
    x: int
    y: int
    bars: tuple[Bar, ...]


def panels(figures: Figures, latency: int) -> list[Panel]:
    """Return a panel for each case at a latency: kinds of work by column, hosts by row."""
    cases = [case for case in figures.cases() if case.latency == latency]
    works = [work for work in WORKS if any(case.work == work for case in cases)]
    made = []
    top = 66
    for hosts in sorted({case.hosts for case in cases}):
        row = [case for case in cases if case.hosts == hosts]
        made += [
            Panel(
                case.work,
                case.size,
                GAP + works.index(case.work) * (WIDTH + GAP),
                top,
                tuple(bars(figures, case)),
            )
            for case in row
        ]
        top += 62 + BAR * max(len(figures.series[case]) for case in row)
    return made


def bars(figures: Figures, case: Case) -> list[Bar]:
    """Return a case's bars, in the order of the tables."""
    found = figures.series[case]
    longest = max(series.median() for series in found.values())
    return [
        Bar(
            tool,
            TITLES[tool],
            digits(found[tool].median()),
            round(max(1.0, LONGEST * found[tool].median() / longest), 1),
            26 + BAR * position,
        )
        for position, tool in enumerate(tool for tool in TOOLS if tool in found)
    ]


def svg(figures: Figures) -> str:
    """Return the picture as SVG, at the largest measured latency."""
    latency = max(case.latency for case in figures.cases())
    shown = panels(figures, latency)
    return _template("picture.svg.j2").render(
        panels=shown,
        latency=latency,
        width=max(panel.x for panel in shown) + WIDTH + GAP,
        height=max(panel.y + 40 + BAR * len(panel.bars) for panel in shown) + 22,
        names=NAMES,
        description=description(shown),
    )


def description(shown: Sequence[Panel]) -> str:
    """Return the picture in words, for screen readers."""
    return " ".join(
        f"{panel.title}, {panel.size}: "
        + ", ".join(f"{bar.title} {bar.seconds} s" for bar in panel.bars)
        + "."
        for panel in shown
    )


def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
