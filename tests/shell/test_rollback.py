"""Rollback: it restores the files that a run replaced, and can itself be rolled back."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

import pytest

from fabfile.model.errors import ApplyError, UsageError
from fabfile.model.resource import Restart
from fabfile.resources.file import File
from fabfile.resources.ini import IniOption
from tests.scratch import Scratch
from tests.shell.conftest import Bench

Benches = Callable[..., Bench]


def roll_back(bench: Bench, to: str | None = None) -> int:
    return bench.survey().roll_back(to, "a test").changed


def test_rollback_restores_content_owner_and_mode(bench: Benches, scratch: Scratch) -> None:
    there, new = scratch.path("/etc/there"), scratch.path("/etc/new")
    there.write_text("before\n")
    there.chmod(0o604)
    os.chown(there, 1, 2)
    target = bench(File("/etc/there", "after\n"), File("/etc/new", "after\n"))
    target.deploy()
    assert roll_back(target) == 2
    status = there.stat()
    assert there.read_text() == "before\n"
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1, 2, 0o604)
    assert not new.exists()
    # The rollback is a run itself, and can be undone.
    assert roll_back(target) == 2
    assert there.read_text() == new.read_text() == "after\n"


def test_rollback_to_an_earlier_run_undoes_all_runs_since(bench: Benches, scratch: Scratch) -> None:
    file = scratch.path("/etc/x")
    file.write_text("0")
    for content in "123":
        bench(File("/etc/x", content)).deploy()
    target = bench(File("/etc/x", "4"))
    names = [run.name for run in target.survey().runs()]
    assert len(names) == 3
    assert roll_back(target, to=names[1]) == 1
    assert file.read_text() == "1"


def test_rollback_checks_and_restarts_services(bench: Benches, scratch: Scratch) -> None:
    calls = scratch.root / "calls"
    for program in ("systemctl", "service"):
        scratch.stub(program, f'echo "$*" >>{calls}; exit 0')
    scratch.path("/etc/x").write_text("old")
    bench(File("/etc/x", "new", notify=Restart("some"))).deploy()
    calls.unlink()
    roll_back(bench(File("/etc/x", "new", notify=Restart("some"))))
    assert "some" in calls.read_text()
    refusing = bench(File("/etc/x", "new", notify=Restart("some", check="false")))
    with pytest.raises(ApplyError, match="does not pass its check"):
        roll_back(refusing)
    assert scratch.path("/etc/x").read_text() == "old"


def test_file_restored_after_a_failed_check_is_newer_than_what_was_made_from_it(
    bench: Benches, scratch: Scratch
) -> None:
    """An alias database that the failed run has made is older, so the next run makes it again."""
    file = scratch.path("/etc/x")
    file.write_text("old")
    os.utime(file, (1, 1))
    with pytest.raises(ApplyError, match="does not pass its check"):
        bench(File("/etc/x", "new", notify=Restart("some", check="false"))).deploy()
    assert file.read_text() == "old"
    assert file.stat().st_mtime > 1


def test_rollback_without_a_matching_run_raises_usage_error(bench: Benches) -> None:
    target = bench(File("/etc/x", "1"))
    with pytest.raises(UsageError, match="nothing to restore"):
        roll_back(target)
    target.deploy()
    with pytest.raises(UsageError, match="there is no run nonsense"):
        roll_back(target, to="nonsense")


def test_only_the_last_runs_are_kept(bench: Benches, scratch: Scratch) -> None:
    for number in range(23):
        bench(File("/etc/x", str(number))).deploy()
    runs = bench(File("/etc/x", "")).survey().runs()
    assert len(runs) == 21
    assert {run.ended for run in runs} == {"ok"}
    assert runs[0].sections == ("trial",)
    assert runs[0].files == ("/etc/x",)


def test_failed_run_is_recorded_as_failed(bench: Benches, scratch: Scratch) -> None:
    scratch.path("/etc/b").mkdir()
    target = bench(File("/etc/a", "1"), File("/etc/b", "1"))
    with pytest.raises(ApplyError):
        target.deploy()
    (run,) = target.survey().runs()
    assert (run.ended, run.files) == ("failed", ("/etc/a",))


def test_rollback_of_a_file_restarts_where_one_of_its_resources_does(
    bench: Benches, scratch: Scratch
) -> None:
    calls = scratch.root / "calls"
    scratch.stub("sleep", "exit 0")
    for program in ("systemctl", "service"):
        scratch.stub(program, f'echo "$*" >>{calls}; exit 0')
    scratch.path("/etc/x").write_text("[a]\n[b]\n")
    reloads, restarts = Restart("some", verb="reload"), Restart("some")
    other = Restart("other", verb="reload")
    resources = (
        IniOption("/etc/x", "a", "o", "1", notify=reloads),
        IniOption("/etc/x", "a", "p", "1", notify=restarts),
        IniOption("/etc/x", "b", "o", "1", notify=(other, reloads)),
    )
    bench(*resources).deploy()
    calls.unlink()
    roll_back(bench(*resources))
    made = calls.read_text()
    assert "restart some" in made or "some restart" in made
    assert "reload some" not in made
    assert "some reload" not in made
    assert "other" in made
