"""The fleet: all hosts of a run, in waves, so many at once, within a budget of failures."""

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
from fabfile.report.result import End, Result, skipped


class Fleet:
    """Does the jobs of many hosts; a host's failure is its own."""

    def __init__(
        self, submit: Submit, parallel: int, progress: Progress, cancelled: Callable[[], bool]
    ) -> None:
        self.submit = submit
        self.parallel = parallel
        self.progress = progress
        self.cancelled = cancelled

    def run(self, jobs: Sequence[Job], strategy: Strategy) -> Iterator[Result]:
        """Do the jobs in waves, and yield the result of each host as soon as it is there.

        A wave is begun when all hosts before it are done, unless more of them failed than the
        strategy allows, or somebody has asked to stop: the rest is skipped.
        """
        waves = strategy.waves(jobs)
        failures = 0
        for number, wave in enumerate(waves, 1):
            if self.cancelled() or strategy.over(failures, len(jobs)):
                for job in wave:
                    result = skipped(job.host, number)
                    self.progress.done(result)
                    yield result
                continue
            self.progress.wave(number, len(waves), len(wave))
            failed = []
            for job, result in self._wave(wave):
                result.wave = number if len(waves) > 1 else 0
                failures += result.failed
                if result.failed and strategy.rollback and result.runs:
                    failed.append((job, result))
                else:
                    self.progress.done(result)
                    yield result
            yield from self._put_back(failed)

    def _wave(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Result]]:
        """Do jobs, so many at once; skip those not begun when somebody asks to stop."""
        queue = deque(jobs)
        at_work: dict[Future[Result], Job] = {}
        while queue or at_work:
            while queue and len(at_work) < self.parallel and not self.cancelled():
                job = queue.popleft()
                at_work[self.submit(job)] = job
            if self.cancelled():
                yield from ((job, skipped(job.host)) for job in queue)
                queue.clear()
            done, _ = wait(at_work, return_when=FIRST_COMPLETED)
            for future in done:
                job = at_work.pop(future)
                yield job, _result(future, job.host)

    def _put_back(self, failed: Sequence[tuple[Job, Result]]) -> Iterator[Result]:
        """Put hosts back that failed; each result says what came of that."""
        before = {job.host: result for job, result in failed}
        jobs = [
            replace(job, calls=[Call("rollback", {"to": result.runs[0]})]) for job, result in failed
        ]
        for job, back in self._wave(jobs):
            result = before[job.host]
            result.rolled_back = back.first_line or back.summary.removeprefix(f"{job.host}: ")
            result.lines += ["rollback:", *back.lines]
            result.phases += back.phases
            result.seconds += back.seconds
            if back.error:
                result.error += f"\n    the rollback did not succeed: {back.first_line}"
            self.progress.done(result)
            yield result


def _result(future: Future[Result], host: str) -> Result:
    """Return a job's result; also of a worker that has died with it."""
    try:
        return future.result()
    except (Exception, CancelledError) as error:
        text = f"{host}: the worker is gone: {type(error).__name__}: {error}\n    run it again"
        summary = f"{host}: 0 changed, 1 failed"
        now = time.time()
        return Result(host, End.FAILED, 1, summary, error=text, started=now)
