"""Links where administrators put them: they stay, and what they lead to is judged and changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fabfile.model.errors import ApplyError
from fabfile.model.resource import Resource
from fabfile.resources.file import Directory, File, RequiredFile
from fabfile.resources.ini import IniOption
from tasks.resources.postconf import MasterService
from tests.scratch import Scratch
from tests.shell.conftest import Bench
from tests.shell.test_files import converges

Benches = Callable[..., Bench]
OTHER = 1234


def linked(scratch: Scratch, link: str, to: str, content: str = "") -> Path:
    """Make `link` lead to the file `to`, through a second link; return the file."""
    target = scratch.path(to)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)
    second = scratch.path("/etc/second")
    second.symlink_to(target)
    scratch.path(link).parent.mkdir(parents=True, exist_ok=True)
    scratch.path(link).symlink_to("second" if link.count("/") == 2 else second)
    return target


WAYS: dict[str, tuple[str, Resource]] = {
    "a file": ("/etc/d.conf", File("/etc/d.conf", "ours\n", mode="0640")),
    "an option": ("/etc/my.cnf", IniOption("/etc/my.cnf", "mysqld", "x", "1")),
    "master.cf": ("/etc/postfix/master.cf", MasterService("d", "unix", "pipe", ("argv=/x",))),
}


@pytest.mark.parametrize("way", WAYS)
def test_linked_file_is_changed_in_its_own_folder_and_the_link_stays(
    bench: Benches, scratch: Scratch, way: str
) -> None:
    path, resource = WAYS[way]
    target = linked(scratch, path, "/home/conf/real", "theirs\n")
    converges(bench(resource))
    assert scratch.path(path).is_symlink()
    assert scratch.path("/etc/second").is_symlink()
    assert target.read_text() != "theirs\n"
    assert list(target.parent.iterdir()) == [target]
    bench(resource).survey().roll_back(None, "a test")
    assert scratch.path(path).is_symlink()
    assert target.read_text() == "theirs\n"


def test_equal_file_behind_a_link_is_no_change(bench: Benches, scratch: Scratch) -> None:
    linked(scratch, "/etc/d.conf", "/home/conf/real", "ours\n").chmod(0o644)
    assert bench(File("/etc/d.conf", "ours\n")).plan().changes == 0


def test_directory_on_a_big_disk_is_judged_there(bench: Benches, scratch: Scratch) -> None:
    disk = scratch.path("/home/disk/vmail")
    disk.mkdir(parents=True)
    scratch.path("/home/vmail").symlink_to(disk)
    converges(bench(Directory("/home/vmail", owner="daemon", group="daemon", mode="0750")))
    assert scratch.path("/home/vmail").is_symlink()
    assert stat.S_IMODE(disk.stat().st_mode) == 0o750
    # What it leads to may belong to the account; the folders on the way may not.
    converges(bench(Directory("/home/vmail", owner="bin", group="bin", mode="0750")))


def test_folder_that_is_itself_a_link_is_followed(bench: Benches, scratch: Scratch) -> None:
    scratch.path("/home/etc-of-d").mkdir(parents=True)
    scratch.path("/etc/d").symlink_to(scratch.path("/home/etc-of-d"))
    converges(bench(File("/etc/d/x.conf", "ours\n")))
    assert scratch.path("/home/etc-of-d/x.conf").read_text() == "ours\n"


@pytest.mark.parametrize(
    "resource",
    [File("/etc/x", "ours\n"), Directory("/etc/x"), IniOption("/etc/x", "mysqld", "x", "1")],
    ids=("file", "directory", "option"),
)
@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("/home/missing/disk", r"/etc/x leads to /home/missing/disk, which does not exist"),
        ("/etc/x", "/etc/x is a link that leads in a circle"),
    ],
    ids=("dangling", "loop"),
)
def test_link_to_nothing_is_named_and_stays(
    bench: Benches, scratch: Scratch, resource: Resource, to: str, says: str
) -> None:
    link = scratch.path("/etc/x")
    link.symlink_to(scratch.path(to))
    with pytest.raises(ApplyError, match=says):
        bench(resource).deploy()
    assert link.is_symlink()
    assert not scratch.path("/home/missing").exists()


def test_folder_that_leads_to_nothing_is_not_made(bench: Benches, scratch: Scratch) -> None:
    scratch.path("/etc/d").symlink_to(scratch.path("/home/missing"))
    with pytest.raises(ApplyError, match="mount or restore it"):
        bench(File("/etc/d/x.conf", "ours\n")).deploy()
    assert not scratch.path("/home").exists()


def unsafe_folder(scratch: Scratch) -> Path:
    folder = scratch.path("/home/alice")
    folder.mkdir(parents=True)
    os.chown(folder, OTHER, OTHER)
    return folder


def unsafe_by_mode(scratch: Scratch) -> Path:
    folder = scratch.path("/home/alice")
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    return folder


@pytest.mark.parametrize("make", [unsafe_folder, unsafe_by_mode])
def test_root_never_writes_below_a_folder_of_others(
    bench: Benches, scratch: Scratch, make: Callable[[Scratch], Path]
) -> None:
    target = make(scratch) / "real"
    target.write_text("theirs\n")
    scratch.path("/etc/x").symlink_to(target)
    with pytest.raises(ApplyError, match=r"/home/alice(.|\n)*root does not write there"):
        bench(File("/etc/x", "ours\n")).deploy()
    assert target.read_text() == "theirs\n"


def test_link_on_the_way_that_others_own_is_refused(bench: Benches, scratch: Scratch) -> None:
    real = scratch.path("/home/real")
    real.mkdir(parents=True)
    (real / "x").write_text("theirs\n")
    # In a sticky folder, as /tmp is.
    sticky = scratch.path("/home/tmp")
    sticky.mkdir()
    sticky.chmod(0o1777)
    (sticky / "hop").symlink_to(real / "x")
    os.lchown(sticky / "hop", OTHER, OTHER)
    scratch.path("/etc/x").symlink_to(sticky / "hop")
    with pytest.raises(ApplyError, match="root does not write there"):
        bench(File("/etc/x", "ours\n")).deploy()
    assert (real / "x").read_text() == "theirs\n"


def test_required_file_may_be_a_link_but_not_to_nothing(bench: Benches, scratch: Scratch) -> None:
    link = scratch.path("/etc/fullchain.pem")
    link.symlink_to("live.pem")
    required = RequiredFile("/etc/fullchain.pem", "tls_cert")
    with pytest.raises(ApplyError, match="is missing"):
        bench(required).deploy()
    scratch.path("/etc/live.pem").write_text("x")
    assert bench(required).plan().changes == 0
