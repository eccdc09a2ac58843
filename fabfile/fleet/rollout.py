"""The fleet: all hosts of a run, in batches, so many at once, within a budget of failures."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import replace

from fabfile.fleet.batches import Strategy
from fabfile.fleet.job import Call, Job
from fabfile.fleet.workers import Submit
from fabfile.report.progress import Progress
from fabfile.report.result import Result, Status, skipped
from fabfile.report.summary import Summary

WAKE_SECONDS = 0.5
"""Longest wait without a look at signals, in seconds.

CPython runs a signal handler between two instructions of the main thread. A signal that arrives
just before the thread blocks is handled when it wakes up, which would be when a host is done.
"""


class Fleet:
    """Runs the jobs of many hosts; one host's failure does not stop another."""

    def __init__(
        self, submit: Submit, parallel: int, progress: Progress, cancelled: Callable[[], bool]
    ) -> None:
        self.submit = submit
        self.parallel = parallel
        self.progress = progress
        self.cancelled = cancelled

    def run(self, jobs: Sequence[Job], strategy: Strategy) -> Iterator[Result]:
        """Do the jobs in batches, and yield the result of each host as soon as it is there.

        A batch begins when all hosts before it are done. The rest is skipped if more of them failed
        than the strategy allows, or after Ctrl-C.
        """
        batches = strategy.batches(jobs)
        failures = 0
        for number, batch in enumerate(batches, 1):
            if self.cancelled() or strategy.over(failures, len(jobs)):
                for job in batch:
                    result = skipped(job.host, number)
                    self.progress.done(result)
                    yield result
                continue
            self.progress.batch(number, len(batches), len(batch))
            failed = []
            for job, result in self._batch(batch):
                result.batch = number if len(batches) > 1 else 0
                failures += result.failed
                if result.failed and strategy.rollback and result.runs:
                    failed.append((job, result))
                else:
                    self.progress.done(result)
                    yield result
            yield from self._put_back(failed)

    def _batch(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Result]]:
        """Do jobs, so many at once; skip those not begun after Ctrl-C."""
        queue = deque(jobs)
        at_work: dict[Future[Result], Job] = {}
        while queue or at_work:
            while queue and len(at_work) < self.parallel and not self.cancelled():
                job = queue.popleft()
                at_work[self.submit(job)] = job
            if self.cancelled():
                yield from ((job, skipped(job.host)) for job in queue)
                queue.clear()
            done, _ = wait(at_work, WAKE_SECONDS, FIRST_COMPLETED)
            for future in done:
                job = at_work.pop(future)
                yield job, _result(future, job.host)

    def _put_back(self, failed: Sequence[tuple[Job, Result]]) -> Iterator[Result]:
        """Roll failed hosts back; each result gets the outcome."""
        before = {job.host: result for job, result in failed}
        jobs = [
            replace(job, calls=[Call("rollback", {"to": result.runs[0]})]) for job, result in failed
        ]
        for job, back in self._batch(jobs):
            result = before[job.host]
            result.rolled_back = back.first_line or back.outcome
            result.lines += ["rollback:", *back.lines]
            result.phases += back.phases
            result.seconds += back.seconds
            if back.message:
                failed_too = f"the rollback did not succeed: {back.first_line}"
                result.remedy = "\n    ".join(filter(None, (result.remedy, failed_too)))
            self.progress.done(result)
            yield result


def _result(future: Future[Result], host: str) -> Result:
    """Return a job's result, also if its worker has crashed."""
    try:
        return future.result()
    # A worker elsewhere can fail in any way; its host has a result all the same.
    except (Exception, CancelledError) as error:  # noqa: BLE001
        summary = Summary.changed(0, failed=True)
        return Result(
            host,
            Status.FAILED,
            exit_code=1,
            summary=summary.line(host),
            outcome=summary.text,
            message=f"the worker stopped: {type(error).__name__}: {error}",
            remedy="run it again",
            started=time.time(),
        )
