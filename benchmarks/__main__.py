"""The command line: `python -m benchmarks`. Measures the cases asked for, and shows the figures.

README.md says what is measured, and how.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import machines, picture, tables
from benchmarks.benchmark import Benchmark
from benchmarks.command import RunError
from benchmarks.figures import FIRST, NO_OP, ONE_FILE, TOOLS, Figures
from benchmarks.options import numbers, some_of
from benchmarks.tools import HERE, tools
from fabfile.model.errors import MailfabError

RESULTS = HERE / "results.json"
PAGE = HERE / "README.md"
PICTURE = HERE / "results.svg"
WORKS = {"first": FIRST, "noop": NO_OP, "file": ONE_FILE}


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--hosts", type=numbers, default=[1, 10, 30], help="servers of each tool (1,10,30)")
    add("--latency", type=numbers, default=[0, 100], help="ms added to the round trip (0,100)")
    works, known = some_of(tuple(WORKS)), tuple(WORKS)
    add("--work", type=works, default=[*known], help=f"what is done ({','.join(known)})")
    add("--tools", type=some_of(TOOLS), default=[*TOOLS], help=f"({','.join(TOOLS)})")
    add("--repeat", type=int, default=3, help="runs of each tool in each case (3)")
    add("--repeat-first", type=int, default=1, help="the same for first deploys (1)")
    add(
        "--save",
        action="store_true",
        help=f"put the figures into {RESULTS.name}, in the place of former ones of the same cases, "
        f"and show them in {PAGE.name} and {PICTURE.name}",
    )
    add("--show", action="store_true", help="measure nothing; show what is saved")
    add("--keep", action="store_true", help="leave the servers as they are")
    return parser.parse_args()


def main() -> int:
    """Run the benchmark; return its exit code."""
    asked = arguments()
    if asked.show:
        show(Figures.load(RESULTS))
        return 0
    figures = Figures.load(RESULTS) if asked.save else Figures()
    try:
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            measure(asked, figures, Path(folder))
    except (MailfabError, RunError) as error:
        say(str(error))
        return 1
    finally:
        if not asked.keep:
            machines.remove_all()
    return 0


def measure(asked: argparse.Namespace, figures: Figures, folder: Path) -> None:
    """Measure every case; what is measured is saved at once, whatever comes after it."""
    known = tools(folder)
    fleets = {known[name].fleet for name in asked.tools}
    taking_part = {name: tool for name, tool in known.items() if name in {*asked.tools, *fleets}}
    benchmark = Benchmark(taking_part, asked.tools, figures, say)
    benchmark.install()
    figures.machine = machine()

    def keep() -> None:
        if asked.save:
            figures.save(RESULTS)

    works = [WORKS[work] for work in asked.work]
    if FIRST in works:
        benchmark.fetch_packages()
        for hosts in asked.hosts:
            for latency in asked.latency:
                benchmark.first_deploys(hosts, latency, asked.repeat_first)
                keep()
        benchmark.clear_away()
    for hosts in asked.hosts if {NO_OP, ONE_FILE} & {*works} else ():
        benchmark.prepare(hosts)
        if hosts == asked.hosts[0] and (differences := benchmark.same_work()):
            raise RunError("\n".join(["the tools do not do the same work:", *differences]))
        for latency in asked.latency:
            if NO_OP in works:
                benchmark.no_ops(hosts, latency, asked.repeat)
                keep()
            if ONE_FILE in works:
                benchmark.one_file(hosts, latency, asked.repeat)
                keep()
    if asked.save:
        # As they have been saved, rounded, or the page would differ from them in its last digits.
        show(Figures.load(RESULTS))
    else:
        print("\n".join(tables.page(figures)))


def machine() -> dict[str, object]:
    """Return what there is to know about this machine."""
    return {
        "CPUs": os.cpu_count(),
        "Python": platform.python_version(),
        "Linux": platform.release().partition("-")[0],
        "load before": round(os.getloadavg()[0], 1),
    }


def show(figures: Figures) -> None:
    """Write the figures into the page, and draw them."""
    tables.put(PAGE, "results", tables.page(figures))
    PICTURE.write_text(picture.svg(figures), encoding="utf-8")


def say(text: str) -> None:
    """Tell how it goes on; the tables alone go to standard output."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
