"""The fleet: waves, the budget, putting back, stopping, and workers that die."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from fabfile.fleet.batches import Amount, Strategy
from fabfile.fleet.job import Call, Job
from fabfile.fleet.rollout import Fleet
from fabfile.fleet.targets import Target
from fabfile.model.host import Host
from fabfile.report.recorder import Event, never
from fabfile.report.result import Result, Status
from fabfile.ssh.login import Login

ROLLOUT = Call("rollout")


class Seen:
    """A progress that only remembers."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.ended: list[tuple[str, Status]] = []

    def emit(self, event: Event) -> None: ...

    def batch(self, number: int, batches: int, hosts: int) -> None:
        self.batches.append(hosts)

    def done(self, result: Result) -> None:
        self.ended.append((result.host, result.status))

    def close(self) -> None: ...


def jobs(count: int) -> list[Job]:
    return [
        Job(Target(Host(f"m{n}"), Login(f"m{n}", f"m{n}")), [ROLLOUT], None) for n in range(count)
    ]


def failing(*hosts: str) -> Callable[[Job], Result]:
    """Return the work of a fleet where some hosts fail, having been changed by the run r1."""

    def work(job: Job) -> Result:
        if job.calls[0].name == "rollback":
            assert job.calls[0].arguments == {"to": "r1"}
            return Result(
                job.host, summary=f"{job.host}: 2 changed, 0 failed", outcome="2 changed, 0 failed"
            )
        if job.host in hosts:
            return Result(
                job.host, Status.FAILED, 1, message="broken", remedy="fix it", runs=["r1"]
            )
        return Result(job.host)

    return work


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def run(
    pool: ThreadPoolExecutor,
    work: Callable[[Job], Result],
    strategy: Strategy,
    *,
    count: int = 10,
    cancelled: Callable[[], bool] = never,
    parallel: int = 4,
) -> tuple[Sequence[Result], Seen]:
    seen = Seen()
    fleet = Fleet(lambda job: pool.submit(work, job), parallel, seen, cancelled)
    return sorted(fleet.run(jobs(count), strategy), key=lambda r: int(r.host[1:])), seen


def test_waves_within_the_budget(pool: ThreadPoolExecutor) -> None:
    strategy = Strategy(Amount(1), Amount(3), Amount(4))
    results, seen = run(pool, failing("m1", "m4"), strategy)
    assert seen.batches == [1, 3, 3, 3]
    assert [r.host for r in results if r.failed] == ["m1", "m4"]
    assert [r.batch for r in results] == [1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_too_many_failures_end_it_before_the_next_wave(pool: ThreadPoolExecutor) -> None:
    results, seen = run(pool, failing("m2"), Strategy(Amount(1), Amount(3)))
    assert seen.batches == [1, 3]
    assert [r.status for r in results[:4]] == [Status.OK, Status.OK, Status.FAILED, Status.OK]
    assert {r.status for r in results[4:]} == {Status.SKIPPED}
    assert len(seen.ended) == 10


def test_hosts_that_failed_are_put_back(pool: ThreadPoolExecutor) -> None:
    results, _ = run(pool, failing("m2"), Strategy(Amount(1), Amount(3), rollback=True))
    assert results[2].rolled_back == "2 changed, 0 failed"
    assert results[2].status is Status.FAILED
    assert not any(r.rolled_back for r in results if r.host != "m2")


def test_no_more_than_so_many_at_once(pool: ThreadPoolExecutor) -> None:
    lock, at_work, most = threading.Lock(), [0], [0]

    def work(job: Job) -> Result:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        threading.Event().wait(0.02)
        with lock:
            at_work[0] -= 1
        return Result(job.host)

    run(pool, work, Strategy(), parallel=2)
    assert most[0] == 2


def test_once_asked_to_stop_nothing_new_begins(pool: ThreadPoolExecutor) -> None:
    asked = threading.Event()

    def work(job: Job) -> Result:
        asked.set()
        return Result(job.host)

    results, _ = run(pool, work, Strategy(batch=Amount(5)), cancelled=asked.is_set, parallel=1)
    assert [r.status for r in results] == [Status.OK] + [Status.SKIPPED] * 9


def test_a_worker_that_dies_costs_its_own_host_alone(pool: ThreadPoolExecutor) -> None:
    def work(job: Job) -> Result:
        if job.host == "m3":
            raise MemoryError("no more")
        return Result(job.host)

    results, _ = run(pool, work, Strategy(max_failures=Amount(1)))
    assert [r.host for r in results if r.failed] == ["m3"]
    assert "the worker stopped" in results[3].error


def test_a_cancelled_future_is_a_failure() -> None:
    def submit(job: Job) -> Future[Result]:
        future: Future[Result] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    (result,) = Fleet(submit, 1, Seen(), never).run(jobs(1), Strategy())
    assert result.failed
