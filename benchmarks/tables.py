"""The figures as Markdown tables, written between two markers of a page."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.cost import METRICS, Metric, digits
from benchmarks.figures import ANSIBLE, FLOOR, MAILFAB, PYINFRA, TITLES, TOOLS, Case, Figures
from benchmarks.targets import verdicts

RATIOS = ((MAILFAB, FLOOR), (PYINFRA, MAILFAB), (ANSIBLE, MAILFAB))


def put(page: Path, name: str, lines: Iterable[str]) -> None:
    """Replace the text of a page between `<!-- NAME -->` and `<!-- /NAME -->`."""
    text = page.read_text(encoding="utf-8")
    opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = text.partition(opening)
    _, closed, after = rest.partition(closing)
    if not found or not closed:
        raise ValueError(f"{page}: there is no place for {name}: {opening.strip()} … {closing}")
    inner = "\n".join(["", *lines, ""])
    page.write_text(f"{before}{opening}{inner}\n{closing}{after}", encoding="utf-8")


def page(figures: Figures) -> Iterator[str]:
    """Yield all lines about the figures."""
    yield from about(figures)
    for metric in METRICS:
        yield from ["", f"### {metric.title}", "", *metric_table(figures, metric)]
    if trips := list(round_trips(figures)):
        yield from ["", "### Round trips waited for, one after the other", "", *trips]
    if met := list(targets(figures)):
        yield from ["", "### Targets", "", *met]
    yield from ["", "### Changes reported", "", *reports(figures)]


def about(figures: Figures) -> Iterator[str]:
    """Yield the date, the machine and the versions of the measured tools."""
    series = [s for tools in figures.series.values() for s in tools.values()]
    dates = sorted({s.date for s in series})
    versions = {
        tool: ", ".join(sorted({t[tool].version for t in figures.series.values() if tool in t}))
        for tool in TOOLS
    }
    tools = "; ".join(f"{TITLES[tool]} {found}" for tool, found in versions.items() if found)
    runs = sorted({len(found.costs) for found in series})
    often = " or ".join(map(str, runs))
    yield f"Measured on {' and '.join(dates)}; runs of each tool in a case: {often}; {tools}."
    yield "; ".join(f"{name} {value}" for name, value in figures.machine.items()) + "."


def metric_table(figures: Figures, metric: Metric) -> Iterator[str]:
    """Yield a table of one quantity: medians, for wall times with minimum and maximum."""
    tools = _tools(figures)
    timed = metric.name == "seconds"
    ratios = [f"{TITLES[a]} : {TITLES[b]}" for a, b in RATIOS if {a, b} <= {*tools}]
    yield from _head(["case", *(TITLES[tool] for tool in tools), *(ratios if timed else ())])
    for case in figures.cases():
        cells = [str(case)]
        for tool in tools:
            series = figures.series[case].get(tool)
            cells.append(
                "–" if series is None else _cell(series.values(metric.name), metric, spread=timed)
            )
        if timed:
            cells += _ratios(figures, case, tools)
        yield _row(cells)


def _cell(values: list[float], metric: Metric, *, spread: bool) -> str:
    median = metric.form(statistics.median(values))
    if not spread or len(values) == 1:
        return median
    return f"{median} ({metric.form(min(values))} to {metric.form(max(values))})"


def _ratios(figures: Figures, case: Case, tools: Sequence[str]) -> Iterator[str]:
    for above, below in RATIOS:
        if {above, below} <= {*tools}:
            ratio = figures.ratio(case, above, below)
            yield "–" if ratio is None else digits(ratio)


def round_trips(figures: Figures) -> Iterator[str]:
    """Yield the table of round trips, or nothing if only one latency was measured."""
    tools = _tools(figures)
    settings = dict.fromkeys((case.work, case.hosts) for case in figures.cases())
    rows = []
    for work, hosts in settings:
        found = dict(figures.round_trips(work, hosts))
        if found:
            cells = [f"{found[tool]:.1f}" if tool in found else "–" for tool in tools]
            rows.append(_row([f"{work}, {Case(work, hosts, 0).size}", *cells]))
    if rows:
        yield from _head(["case", *(TITLES[tool] for tool in tools)])
        yield from rows


def targets(figures: Figures) -> Iterator[str]:
    """Yield the table of targets."""
    found = list(verdicts(figures))
    if found:
        yield from _head(["target", "found", ""])
        for target, ratio, met in found:
            yield _row([str(target), digits(ratio), "met" if met else "**missed**"])


def reports(figures: Figures) -> Iterator[str]:
    """Yield the table of reported changes, on all hosts of a case together."""
    tools = [tool for tool in _tools(figures) if tool != FLOOR]
    yield from _head(["case", *(TITLES[tool] for tool in tools)])
    for case in figures.cases():
        cells = []
        for tool in tools:
            series = figures.series[case].get(tool)
            reported = {"?" if n is None else str(n) for n in series.changed} if series else {"–"}
            cells.append(" or ".join(sorted(reported)))
        yield _row([str(case), *cells])


def _tools(figures: Figures) -> list[str]:
    return [tool for tool in TOOLS if any(tool in found for found in figures.series.values())]


def _head(cells: Sequence[str]) -> Iterator[str]:
    yield _row(cells)
    yield "|" + "---|" * len(cells)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
