"""The command line `python -m benchmarks`: measure the requested cases and show the figures.

README.md explains the measurements.
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
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add(
        "--hosts",
        type=numbers,
        default=[1, 10, 30],
        help="numbers of servers of each tool (1,10,30)",
    )
    add("--latency", type=numbers, default=[0, 100], help="ms added to the round trip (0,100)")
    works, known = some_of(tuple(WORKS)), tuple(WORKS)
    add("--work", type=works, default=[*known], help=f"kinds of work ({','.join(known)})")
    add("--tools", type=some_of(TOOLS), default=[*TOOLS], help=f"({','.join(TOOLS)})")
    add("--repeat", type=int, default=3, help="runs of each tool in each case (3)")
    add("--repeat-first", type=int, default=1, help="runs of each tool in each first deploy (1)")
    add(
        "--save",
        action="store_true",
        help=f"write the figures into {RESULTS.name}, where they replace earlier ones of the same "
        f"cases, and show them in {PAGE.name} and {PICTURE.name}",
    )
    add("--show", action="store_true", help="measure nothing; show the saved figures")
    add("--keep", action="store_true", help="do not remove the servers at the end")
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
    """Measure all requested cases. Save each as soon as it is measured."""
    known = tools(folder)
    fleets = {known[name].fleet for name in asked.tools}
    taking_part = {name: tool for name, tool in known.items() if name in {*asked.tools, *fleets}}
    benchmark = Benchmark(taking_part, asked.tools, figures, say)
    benchmark.install()
    figures.machine = machine()

    def save() -> None:
        if asked.save:
            figures.save(RESULTS)

    works = [WORKS[work] for work in asked.work]
    if FIRST in works:
        benchmark.fetch_packages()
        for hosts in asked.hosts:
            for latency in asked.latency:
                benchmark.first_deploys(hosts, latency, asked.repeat_first)
                save()
        benchmark.remove_bare_servers()
    for hosts in asked.hosts if {NO_OP, ONE_FILE} & {*works} else ():
        benchmark.prepare(hosts)
        if hosts == asked.hosts[0] and (differences := benchmark.differences()):
            raise RunError("\n".join(["the tools left different servers:", *differences]))
        for latency in asked.latency:
            if NO_OP in works:
                benchmark.no_ops(hosts, latency, asked.repeat)
                save()
            if ONE_FILE in works:
                benchmark.one_file(hosts, latency, asked.repeat)
                save()
    if asked.save:
        # Show the saved, rounded figures: the page is compared with them.
        show(Figures.load(RESULTS))
    else:
        print("\n".join(tables.page(figures)))


def machine() -> dict[str, object]:
    """Return the facts about this machine that the results name."""
    return {
        "CPUs": os.cpu_count(),
        "Python": platform.python_version(),
        "Linux": platform.release().partition("-")[0],
        "load before": round(os.getloadavg()[0], 1),
    }


def show(figures: Figures) -> None:
    """Write the figures into the page and the picture."""
    tables.put(PAGE, "results", tables.page(figures))
    PICTURE.write_text(picture.svg(figures), encoding="utf-8")


def say(text: str) -> None:
    """Print a line of progress on standard error. Standard output has only the tables."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
