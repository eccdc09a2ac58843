"""Ctrl-C: a cancelled run ends between two steps, and the next run continues."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fabfile.engine.lock import held
from fabfile.model.errors import Stopped
from fabfile.model.resource import Restart
from fabfile.resources.file import File
from tests.scratch import Scratch
from tests.shell.conftest import Silent
from tests.shell.test_files import Benches


@dataclass(frozen=True)
class SlowFile(File):
    """A file whose fix takes two seconds, so that the run can be cancelled during it."""

    def fix(self) -> str:
        return f"sleep 2\n{super().fix()}"


class Regretful(Silent):
    """Cancels the run when the first step starts."""

    def step_started(self, section: object, title: str) -> None:
        super().step_started(section, title)  # type: ignore[arg-type]
        self.stop = True


def test_cancelled_run_finishes_its_step_and_starts_no_other(
    bench: Benches, scratch: Scratch
) -> None:
    restart = Restart("postfix", check="true")
    files = [SlowFile("/etc/a.cf", "1\n"), SlowFile("/etc/b.cf", "2\n", notify=restart)]
    target = bench(*files)
    target.observer = Regretful()
    with pytest.raises(Stopped, match="trial: stopped on request"):
        target.deploy()
    assert scratch.path("/etc/a.cf").read_text() == "1\n"
    assert not scratch.path("/etc/b.cf").exists()
    assert not target.observer.restarts


def test_run_after_a_cancelled_one_makes_the_remaining_changes(
    bench: Benches, scratch: Scratch
) -> None:
    target = bench(SlowFile("/etc/a.cf", "1\n"), SlowFile("/etc/b.cf", "2\n"))
    target.observer = Regretful()
    with pytest.raises(Stopped):
        target.deploy()
    target.observer = Silent()
    assert target.deploy().changed == 1
    assert scratch.path("/etc/b.cf").read_text() == "2\n"


def test_run_cancelled_while_it_waits_for_the_lock_changes_nothing(scratch: Scratch) -> None:
    with (
        held(scratch, "me", 0, print),
        pytest.raises(Stopped, match="nothing was changed"),
        held(scratch, "you", 600, print, lambda: True),
    ):
        pass
