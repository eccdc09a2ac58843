"""Who does the jobs: threads of this process, or the workers of a Dask cluster.

Both are executors as concurrent.futures has them, so that anything else that is one can be added
here. What happens on a host is told as it happens.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fabfile.errors import UsageError
from fabfile.job import Job, perform
from fabfile.report import Event, Tell, never
from fabfile.result import Result

Submit = Callable[[Job], "Future[Result]"]
"""Begins a job."""

SCHEME = "dask://"
CONNECT_SECONDS = 10


@contextmanager
def threads(
    parallel: int, tasks: Any, tell: Tell, stopping: Callable[[], bool]
) -> Iterator[Submit]:
    """Do jobs in this process, as many at once as `parallel` says."""
    with ThreadPoolExecutor(parallel, "mailfab") as pool:
        yield lambda job: pool.submit(perform, job, tasks, tell, stopping)


@contextmanager
def dask(address: str, tell: Tell) -> Iterator[Submit]:
    """Do jobs on the workers of a cluster, as many at once as these have threads.

    mailfab must be installed there. Each worker logs in with its own keys and its own known_hosts;
    `env:`, `file:` and `cmd:` in the inventory are read there too.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            f"--executor is {address!r}, and Dask is not installed",
            "install it: pip install 'mailfab[dask]'",
        ) from None
    where = address.removeprefix(SCHEME)
    try:
        client = Client(where, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--executor: no scheduler answers at {where}: {error}", "start one: dask scheduler"
        ) from None
    topic = f"mailfab-{uuid.uuid4()}"
    with client:
        client.subscribe_topic(topic, lambda event: tell(Event(*event[1])))
        pool: Executor = client.get_executor(pure=False, retries=0)
        yield lambda job: pool.submit(_perform_there, job, topic)


@dataclass(frozen=True)
class _Teller:
    """Tells the control machine, through the scheduler, what happens on a host."""

    worker: Any
    topic: str

    def __call__(self, event: Event) -> None:
        self.worker.log_event(self.topic, (event.host, event.kind, event.text))


_loading = threading.Lock()


def _perform_there(job: Job, topic: str) -> Result:
    """Do a job on a worker."""
    from distributed import get_worker

    with _loading:
        from fabfile import ns
    return perform(job, ns, _Teller(get_worker(), topic), never)


@contextmanager
def workers(
    address: str | None, parallel: int, tasks: Any, tell: Tell, stopping: Callable[[], bool]
) -> Iterator[Submit]:
    """Return what begins jobs, where `--executor` says. Raises UsageError for what is nowhere."""
    if address is None:
        with threads(parallel, tasks, tell, stopping) as submit:
            yield submit
    elif address.startswith(SCHEME):
        with dask(address, tell) as submit:
            yield submit
    else:
        raise UsageError(
            f"--executor is {address!r}", f"give the scheduler of a Dask cluster: {SCHEME}HOST:8786"
        )
