"""The host's lock: one run holds it, errors name that run, and it is free when the run ends."""

from __future__ import annotations

import threading
import time

import pytest

from fabfile.engine.lock import held
from fabfile.model.errors import ApplyError
from fabfile.resources.file import File
from tests.scratch import Scratch
from tests.shell.test_files import Benches


def test_second_run_fails_and_names_the_holder(scratch: Scratch) -> None:
    with held(scratch, "me@desk, process 1", 0, print) as waited:
        assert not waited
        with (
            pytest.raises(ApplyError, match=r"another run .*: me@desk, process 1 since 20"),
            held(scratch, "you", 0, print),
        ):
            pass
    with held(scratch, "you", 0, print) as waited:
        assert not waited


def test_second_run_waits_until_the_first_ends(scratch: Scratch) -> None:
    told: list[str] = []
    with held(scratch, "me", 0, print):
        release = threading.Event()

        def wait() -> None:
            with held(scratch, "you", 20, told.append) as waited:
                assert waited
                release.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not told:
            time.sleep(0.05)
        assert not release.is_set()
    assert release.wait(20)
    waiting.join()
    assert told[0].startswith("me since ")


def test_lock_is_free_after_its_connection_closes(scratch: Scratch) -> None:
    """A killed run closes its connection, and so the lock process's standard input."""
    with held(scratch, "me", 0, print):
        pass
    running = scratch.start("true\n")
    running.close()
    with held(scratch, "you", 0, print) as waited:
        assert not waited


def test_run_without_changes_needs_no_lock(bench: Benches, scratch: Scratch) -> None:
    file = File("/etc/a.cf", "x\n")
    bench(file).deploy()
    with held(scratch, "me", 0, print):
        assert bench(file).deploy().changed == 0
        with pytest.raises(ApplyError, match="another run is in progress"):
            bench(File("/etc/a.cf", "y\n")).deploy()
    assert bench(File("/etc/a.cf", "y\n")).deploy().changed == 1


def test_unwritable_state_folder_raises_apply_error(scratch: Scratch) -> None:
    scratch.path("/var/lib").mkdir(parents=True)
    scratch.path("/var/lib/mailfab").write_text("not a folder")
    with (
        pytest.raises(ApplyError, match="/var/lib/mailfab cannot be written"),
        held(scratch, "me", 0, print),
    ):
        pass
