"""The growth of time and memory with the number of hosts: runs, table and limits."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from benchmarks.cost import digits
from benchmarks.figures import FLOOR, MAILFAB
from benchmarks.simulated.watch import Run

POOL = 32
"""The number of hosts that mailfab works on at once. Growth up to it is of the pool."""
MOST_MEMORY = 250e6
"""Limit of the memory for MANY hosts, in bytes."""
MANY = 1000


class Growth:
    """Runs, by the number of hosts and by program."""

    def __init__(self) -> None:
        self.runs: dict[tuple[int, str], list[Run]] = {}
        self.about: dict[str, object] = {}

    def add(self, hosts: int, program: str, run: Run) -> None:
        """Add one run."""
        self.runs.setdefault((hosts, program), []).append(run)

    def sizes(self, program: str = MAILFAB) -> list[int]:
        """Return the measured numbers of hosts, sorted."""
        return sorted(hosts for hosts, found in self.runs if found == program)

    def median(self, hosts: int, program: str, quantity: str) -> float:
        """Return the median of one quantity."""
        runs = self.runs[hosts, program]
        return statistics.median(float(getattr(run, quantity)) for run in runs)

    def slopes(self, program: str, quantity: str) -> list[float]:
        """Return the growth for each further host between neighbouring sizes beyond the pool.

        The values are equal if the growth is linear.
        """
        steps = pairwise(self.beyond_the_pool())
        return [
            (self.median(more, program, quantity) - self.median(less, program, quantity))
            / (more - less)
            for less, more in steps
        ]

    def beyond_the_pool(self) -> list[int]:
        """Return the sizes larger than the pool: their number of hosts at once is the same."""
        return [hosts for hosts in self.sizes() if hosts > POOL]

    def leaks(self) -> Iterator[str]:
        """Yield the quantities that grow with the hosts although the pool does not."""
        sizes = self.beyond_the_pool()
        for quantity in ("threads", "descriptors"):
            most = [self.median(hosts, MAILFAB, quantity) for hosts in sizes]
            if most and most[-1] > most[0] * 1.1:
                yield f"{quantity}: {most[0]:g} for {sizes[0]} hosts, {most[-1]:g} for {sizes[-1]}"

    def table(self) -> Iterator[str]:
        """Yield the table and the findings as Markdown."""
        yield "; ".join(f"{name} {value}" for name, value in self.about.items()) + "."
        yield ""
        yield (
            "| hosts | bare handshakes, s | mailfab, s | CPU, bare, s | CPU, mailfab, s "
            "| peak memory, MB | most threads | most descriptors |"
        )
        yield "|---|---|---|---|---|---|---|---|"
        for hosts in self.sizes():
            of = {
                (program, quantity): self.median(hosts, program, quantity)
                for program in (FLOOR, MAILFAB)
                for quantity in ("seconds", "cpu", "memory", "threads", "descriptors")
            }
            cells = [
                str(hosts),
                digits(of[FLOOR, "seconds"]),
                digits(of[MAILFAB, "seconds"]),
                digits(of[FLOOR, "cpu"]),
                digits(of[MAILFAB, "cpu"]),
                digits(of[MAILFAB, "memory"] / 1e6),
                f"{of[MAILFAB, 'threads']:g}",
                f"{of[MAILFAB, 'descriptors']:g}",
            ]
            yield f"| {' | '.join(cells)} |"
        yield from self.findings()

    def findings(self) -> Iterator[str]:
        """Yield the growth and the limits as a list."""
        yield ""
        for (less, more), slope, bare, memory in zip(
            pairwise(self.beyond_the_pool()),
            self.slopes(MAILFAB, "seconds"),
            self.slopes(FLOOR, "seconds"),
            self.slopes(MAILFAB, "memory"),
            strict=True,
        ):
            yield (
                f"- From {less} to {more} hosts, each further host takes {slope * 1000:.1f} ms and "
                f"{memory / 1e3:.0f} kB; a bare handshake {bare * 1000:.1f} ms."
            )
        if MANY in self.sizes():
            found = self.median(MANY, MAILFAB, "memory")
            word = "met" if found < MOST_MEMORY else "**missed**"
            limit = f"{MOST_MEMORY / 1e6:g} MB"
            yield f"- {MANY} hosts take {found / 1e6:.0f} MB of memory; below {limit}: {word}."
        leaks = list(self.leaks())
        yield f"- Threads and descriptors that stay: {'; '.join(leaks) or 'none'}."

    def save(self, path: Path) -> None:
        """Write all runs as JSON."""
        rows = [
            {"hosts": hosts, "program": program, "runs": [asdict(run) for run in runs]}
            for (hosts, program), runs in sorted(self.runs.items())
        ]
        text = json.dumps({"about": self.about, "rows": rows}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Growth:
        """Return the saved runs."""
        found = json.loads(path.read_text(encoding="utf-8"))
        growth = cls()
        growth.about = found["about"]
        for row in found["rows"]:
            growth.runs[row["hosts"], row["program"]] = [Run(**run) for run in row["runs"]]
        return growth
