"""Tasks that need a host, and those that a fleet of hosts can do with a report at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fabric
from invoke.parser import Argument


class HostTask(fabric.Task):
    """A task whose first argument is the connection to a host.

    Without -H it says so, instead of failing on a missing attribute.
    """


class FleetTask(HostTask):
    """A host's task that also takes the options of the whole run; it never sees these itself."""

    options: tuple[tuple[str, str], ...] = (
        ("parallel", "how many hosts at once (32)"),
        ("json", "write a report to this file, for programs"),
        ("junit", "write a report to this file, for CI"),
        ("html", "write a report to this file, for people"),
        ("executor", "where the work is done: dask://HOST:PORT for the workers of a Dask cluster"),
    )
    flags: tuple[tuple[str, str], ...] = ()

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments of the function and of the run."""
        own = super().get_arguments(ignore_unknown_help)
        words = [_argument(name, text, str) for name, text in self.options]
        return [*own, *words, *(_argument(name, text, bool) for name, text in self.flags)]


class RolloutTask(FleetTask):
    """A fleet's task that runs in batches."""

    options = (
        ("canary", "number of hosts in the first batch: 1, or 5% (none)"),
        ("batch", "number of hosts in each batch: 10, or 25% (all that are left)"),
        ("max_failures", "number of failed hosts before no further batch begins: 2, or 10% (0)"),
        ("resume", "skip the hosts that the run with this JSON report has finished"),
        *FleetTask.options,
    )
    flags = (("rollback_on_failure", "restore the files of hosts that failed"),)


def _argument(name: str, text: str, kind: type) -> Argument:
    flag = name.replace("_", "-")
    return Argument(
        name=flag,
        attr_name=name if name != flag else None,
        kind=kind,
        default=False if kind is bool else None,
        help=text,
    )


def host_task(**options: Any) -> Callable[[Callable[..., Any]], HostTask]:
    """Make a function of a connection a task; options are those of `fabric.task`."""
    return _decorator(HostTask, options)


def fleet_task(**options: Any) -> Callable[[Callable[..., Any]], HostTask]:
    """Make a function of a connection a task that a fleet can do."""
    return _decorator(FleetTask, options)


def rollout_task(**options: Any) -> Callable[[Callable[..., Any]], HostTask]:
    """Make a function of a connection a task that a fleet runs in batches."""
    return _decorator(RolloutTask, options)


def _decorator(
    kind: type[HostTask], options: dict[str, Any]
) -> Callable[[Callable[..., Any]], HostTask]:
    def decorate(function: Callable[..., Any]) -> HostTask:
        return fabric.task(function, klass=kind, **options)  # type: ignore[no-any-return]

    return decorate
