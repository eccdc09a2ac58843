"""The workers that run jobs: threads of this process, or a Dask cluster's.

Both are executors as concurrent.futures has them, so that another engine can be added here.
"""

from __future__ import annotations

import pkgutil
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fabfile.fleet.job import Job, perform
from fabfile.model.errors import HostError, UsageError
from fabfile.model.system import version
from fabfile.report.recorder import Event, EventHandler, Kind, never
from fabfile.report.result import Result

NAMESPACE = "fabfile:ns"
"""The tasks' importable name, by which a worker elsewhere finds them (pkgutil.resolve_name)."""

Submit = Callable[[Job], "Future[Result]"]
"""Starts a job."""

SCHEMES = {"dask://": "tcp://", "dask+tls://": "tls://"}
CONNECT_SECONDS = 10

ELSEWHERE = ("env:", "file:", "cmd:")
"""The prefixes of a variable that names the place of its value."""


@contextmanager
def threads(
    parallel: int, tasks: Any, emit: EventHandler, cancelled: Callable[[], bool]
) -> Iterator[Submit]:
    """Do jobs in this process, as many at once as `parallel` says."""
    with ThreadPoolExecutor(parallel, "mailfab") as pool:
        yield lambda job: pool.submit(perform, job, tasks, emit, cancelled)


@contextmanager
def dask(where: str, emit: EventHandler) -> Iterator[Submit]:
    """Do jobs on the workers of a cluster, as many at once as these have threads.

    The same version of mailfab must be there. Each worker logs in with its own keys and its own
    known_hosts, and looks up what the inventory's `env:`, `file:` and `cmd:` name.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "--executor: Dask is not installed", "install it: pip install 'mailfab[dask]'"
        ) from None
    try:
        client = Client(where, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"--executor: no scheduler answers at {where}: {error}",
            "start one: dask scheduler; and TLS needs its certificates in Dask's configuration",
        ) from None
    topic = f"mailfab-{uuid.uuid4()}"
    with client:
        client.subscribe_topic(topic, lambda event: emit(_event(event)))
        pool: Executor = client.get_executor(pure=False, retries=0)
        yield lambda job: pool.submit(_perform_there, job, topic, version())


def _event(told: Any) -> Event:
    """Return an event of a remote worker; Dask adds the time to it."""
    _, (host, kind, text) = told
    return Event(host, Kind(kind), text)


@dataclass(frozen=True)
class _Teller:
    """Sends events to the control machine through Dask's scheduler."""

    worker: Any
    topic: str

    def __call__(self, event: Event) -> None:
        self.worker.log_event(self.topic, (event.host, event.kind.value, event.text))


_loading = threading.Lock()


def _perform_there(job: Job, topic: str, wanted: str) -> Result:
    """Do a job on a worker."""
    from distributed import get_worker

    if version() != wanted:
        raise HostError(f"the worker has mailfab {version()}, and we have {wanted}")
    with _loading:
        tasks = pkgutil.resolve_name(NAMESPACE)
    return perform(job, tasks, _Teller(get_worker(), topic), never)


def passwords(job: Job) -> Iterator[str]:
    """Yield the names of a job's passwords that travel as values."""
    for name, value in job.target.host.secrets.items():
        if not value.reveal().startswith(ELSEWHERE):
            yield name
    if job.config.sudo.password:
        yield "--prompt-for-sudo-password"
    for name in ("password", "passphrase"):
        if job.config.connect_kwargs.get(name):
            yield f"--prompt-for-{'login-password' if name == 'password' else name}"


def _refuse_to_show(jobs: Sequence[Job]) -> None:
    """Refuse to send passwords over a connection that is not encrypted."""
    for job in jobs:
        if found := sorted(passwords(job)):
            raise UsageError(
                f"{', '.join(found)} would reach the workers of the cluster in clear",
                "write env:NAME, file:PATH or cmd:COMMAND in the inventory, which the workers "
                "look up themselves, or use a cluster with TLS: dask+tls://HOST:PORT",
                host=job.host,
            )


@contextmanager
def workers(
    address: str | None,
    parallel: int,
    jobs: Sequence[Job],
    tasks: Any,
    emit: EventHandler,
    cancelled: Callable[[], bool],
) -> Iterator[Submit]:
    """Return the function that starts jobs on the workers that `--executor` names."""
    if address is None:
        with threads(min(parallel, len(jobs)) or 1, tasks, emit, cancelled) as submit:
            yield submit
        return
    scheme, separator, rest = address.partition("://")
    protocol = SCHEMES.get(scheme + separator)
    if not protocol or not re.fullmatch(r"[\w.:\[\]-]+:\d+", rest):
        raise UsageError(
            f"--executor is {address!r}", "give the scheduler of a Dask cluster: dask://HOST:8786"
        )
    if protocol == "tcp://":
        _refuse_to_show(jobs)
    with dask(protocol + rest, emit) as submit:
        yield submit
