"""The command line: `python -m tests.fault_injection`.

Injects faults at every step of deploys and prints a table.

python -m tests.fault_injection                            what `make test-faults` runs
python -m tests.fault_injection --only changed:power:17    one fault, by scenario, kind and point
python -m tests.fault_injection --points 300               more of them
"""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fabfile.sandbox.server import Server
from tests.e2e.conftest import SandboxHost
from tests.e2e.systems import DEBIAN12
from tests.fault_injection.fault_run import Outcome, Reference, inject_fault, reference, short
from tests.fault_injection.faults import KINDS
from tests.fault_injection.scenarios import SCENARIOS, prepare

SHARES = {
    "bare": 12,
    "first": 18,
    "changed": 18,
    "passwords": 8,
    "broken": 8,
    "el6": 3,
    "el6-first": 3,
}
"""Number of faults injected into each scenario, of 70."""

Work = TypeVar("Work")
Plan = tuple[str, str, int]
"""The scenario, the kind of fault and the point's number."""


def spread(scenario: str, count: int, points: int) -> Iterator[Plan]:
    """Yield this many faults, evenly spread over the deploy, each of another kind than the last."""
    kinds = cycle(KINDS)
    for number in range(count):
        yield scenario, next(kinds), 1 + round((number + 0.5) * points / count - 0.5)


def make_box(name: str, folder: Path) -> SandboxHost:
    """Return a server that nothing is known of."""
    server = Server(name)
    server.down()
    return SandboxHost(server, DEBIAN12, folder / f"{name}.ini")


class Campaign:
    """One run: the undisturbed deploys, the faults, and what became of them."""

    def __init__(self, boxes: Sequence[SandboxHost], console: Console) -> None:
        self.boxes = boxes
        self.console = console
        self.references: dict[str, Reference] = {}
        self.outcomes: list[Outcome] = []

    def learn(self, names: Sequence[str]) -> None:
        """Deploy each scenario without a fault."""

        def one(box: SandboxHost, name: str) -> None:
            found = self.references[name] = reference(box, SCENARIOS[name])
            away = f"; undisturbed, 25 and 143 away {found.away} s" if found.away else ""
            self.say(f"{name}: {len(found.calls)} points{away}")

        self._share(one, names)

    def inject(self, plans: Sequence[Plan]) -> None:
        """Make all faults."""

        def one(box: SandboxHost, plan: Plan) -> None:
            name, kind, number = plan
            outcome = inject_fault(box, SCENARIOS[name], kind, number, self.references[name])
            self.outcomes.append(outcome)
            verdict = "not reached" if not outcome.call else "LOST" if outcome.problems else "ok"
            took = f"{outcome.seconds:.0f} s"
            self.say(f"{name}:{kind}:{number} {short(outcome.call)}: {verdict}, {took}")
            for problem in outcome.problems:
                self.say(f"    {problem[:600]}")

        self._share(one, plans)

    def _share(self, one: Callable[[SandboxHost, Work], None], work: Sequence[Work]) -> None:
        """Do the work on all servers at once."""
        waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        for item in work:
            waiting.put(item)
        errors: list[BaseException] = []

        def serve(box: SandboxHost) -> None:
            while not errors:
                try:
                    one(box, waiting.get_nowait())
                except queue.Empty:
                    return
                except BaseException as error:
                    errors.append(error)

        threads = [threading.Thread(target=serve, args=(box,)) for box in self.boxes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def say(self, text: str) -> None:
        """Print a line of progress."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def table(self) -> Table:
        """Return what became of every fault."""
        table = Table(title="Faults", title_justify="left")
        for column in ("point", "before this call", "fault", "mail sent then", "25, 143 away"):
            table.add_column(column)
        table.add_column("healed")
        order = list(SCENARIOS)
        for found in sorted(self.struck(), key=lambda o: (order.index(o.scenario), o.number)):
            table.add_row(
                f"{found.scenario} {found.number}/{len(self.references[found.scenario].calls)}",
                escape(short(found.call)),
                found.kind,
                found.mail or "–",
                f"{found.away.replace(' ', ', ')} s" if found.away else "–",
                "no" if found.problems else "yes",
            )
        return table

    def struck(self) -> list[Outcome]:
        """Return the outcomes of the deploys that came to their point."""
        return [outcome for outcome in self.outcomes if outcome.call]

    def longest(self) -> Iterator[str]:
        """Yield for each kind how long a running server was away at most."""
        for kind in KINDS:
            times = [o.away.split() for o in self.struck() if o.kind == kind and o.away]
            if times:
                port25, port143 = (max(map(float, column)) for column in zip(*times, strict=True))
                yield f"{kind}: port 25 away {port25:.1f} s, port 143 {port143:.1f} s at most"


def planned(only: Sequence[str], total: int, references: Mapping[str, Reference]) -> list[Plan]:
    """Return the faults to make."""
    if only:
        plans = [text.split(":") for text in only]
        return [(name, kind, int(number)) for name, kind, number in plans]
    return [
        plan
        for name, share in SHARES.items()
        for plan in spread(
            name, round(share * total / sum(SHARES.values())), points(references, name)
        )
    ]


def points(references: Mapping[str, Reference], name: str) -> int:
    """Return how many points a scenario has."""
    return len(references[name].calls)


def main() -> int:
    """Run the campaign; 1 when a server has not healed."""
    parser = argparse.ArgumentParser(prog="tests.fault_injection", description=__doc__)
    parser.add_argument("--points", type=int, default=70, help="how many faults")
    parser.add_argument("--servers", type=int, default=3, help="how many servers at once")
    parser.add_argument("--only", action="append", default=[], help="SCENARIO:KIND:POINT")
    given = parser.parse_args()
    console = Console(width=160 if not sys.stdout.isatty() else None)
    begun = time.monotonic()
    names = sorted(
        {text.partition(":")[0] for text in given.only} or SHARES, key=list(SHARES).index
    )
    with tempfile.TemporaryDirectory() as folder:
        boxes = [make_box(f"fault{number}", Path(folder)) for number in range(given.servers)]
        try:
            prepare(boxes[0], set(names))
            campaign = Campaign(boxes, console)
            campaign.learn(names)
            campaign.inject(planned(given.only, given.points, campaign.references))
        finally:
            for box in boxes:
                box.server.down()
    console.print(campaign.table())
    for line in campaign.longest():
        console.print(line, highlight=False)
    lost = sum(1 for outcome in campaign.struck() if outcome.problems)
    count = len(campaign.struck())
    console.print(f"{(time.monotonic() - begun) / 60:.0f} minutes", highlight=False)
    console.print(f"{count} faults injected, {count - lost} healed, {lost} lost", highlight=False)
    return 1 if lost or not count else 0


if __name__ == "__main__":
    sys.exit(main())
