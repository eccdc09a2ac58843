"""The options of a whole run, as the tasks of a fleet take them (fabfile.cli.task.FleetTask)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fabfile.cli.task import FleetTask, RolloutTask
from fabfile.fleet.batches import HOSTS_AT_ONCE, Amount, Strategy, amount
from fabfile.model.errors import UsageError
from fabfile.report import writer
from fabfile.report.writer import Paths

EVERYTHING = Strategy(max_failures=Amount(100, percent=True))
"""The strategy of a run that is no rollout: one batch."""


@dataclass(frozen=True)
class Options:
    """The options of a run."""

    strategy: Strategy = EVERYTHING
    rollout: bool = False
    parallel: int = HOSTS_AT_ONCE
    executor: str | None = None
    reports: Paths = field(default_factory=Paths)
    resume: Path | None = None


def own(task: Any) -> set[str]:
    """Return the names of the options that are for the run, not for the task."""
    if not isinstance(task, FleetTask):
        return set()
    return {name for name, _ in (*task.options, *task.flags)}


def options(given: Mapping[str, Any], task: Any) -> Options:
    """Return the options of a run. Raises UsageError for values that make no sense."""
    return Options(
        _strategy(given) if isinstance(task, RolloutTask) else EVERYTHING,
        isinstance(task, RolloutTask),
        _parallel(given.get("parallel")),
        given.get("executor"),
        Paths(_file("json", given), _file("junit", given), _file("html", given)),
        Path(given["resume"]).expanduser() if given.get("resume") else None,
    )


def with_rollout_report(asked: Options) -> Options:
    """Return options with a place for the JSON report that a rollout keeps in any case."""
    if not asked.rollout or asked.reports.json:
        return asked
    kept = asked.resume or writer.rollout_report()
    return replace(asked, reports=replace(asked.reports, json=kept))


def _strategy(given: Mapping[str, Any]) -> Strategy:
    usual = Strategy(rollback=bool(given.get("rollback_on_failure")))
    shares = {
        name: amount(name.replace("_", "-"), given[name], least)
        for name, least in (("canary", 0), ("batch", 1), ("max_failures", 0))
        if given.get(name) is not None
    }
    return Strategy(
        shares.get("canary", usual.canary),
        shares.get("batch", usual.batch),
        shares.get("max_failures", usual.max_failures),
        usual.rollback,
    )


def _parallel(text: str | None) -> int:
    if text is None:
        return HOSTS_AT_ONCE
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 1000):
        raise UsageError(f"--parallel is {text!r}", "give a number of hosts, 1 to 1000")
    return int(text[:6])


def _file(name: str, given: Mapping[str, Any]) -> Path | None:
    """Return the path of a report; refuse one that could not be written after hours of work."""
    if not given.get(name):
        return None
    path = Path(given[name]).expanduser().absolute()
    if not path.parent.is_dir():
        raise UsageError(f"--{name}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"--{name}: {path} is a folder", "name a file in it")
    return path
