"""Tasks that need a host: without -H they say so, instead of failing on a missing attribute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fabric


class HostTask(fabric.Task):
    """A task whose first argument is the connection to a host."""


def host_task(**options: Any) -> Callable[[Callable[..., Any]], HostTask]:
    """Make a function of a connection a task; options are those of `fabric.task`."""

    def decorate(function: Callable[..., Any]) -> HostTask:
        return fabric.task(function, klass=HostTask, **options)  # type: ignore[no-any-return]

    return decorate
