"""Users and groups with a new number: the files follow, and a refused change changes none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabfile.resources.account import Group, User
from tests.scratch import Scratch

VMAIL = User("vmail", uid=5000, gid=5000, home="/home/vmail")
MAIL = Group("vmail", gid=5000, files="/home/vmail")


@pytest.fixture
def host(scratch: Scratch) -> Scratch:
    """A host whose vmail has the numbers 1234, with mail; programs that keep accounts in files."""
    home = scratch.path("/home/vmail/example.com")
    home.mkdir(parents=True)
    (home / "mail").write_text("mail\n")
    (home / "link").symlink_to("/etc/passwd")
    (home / "shared").write_text("of another group\n")
    for path in (home.parent, home, home / "mail", home / "link"):
        os.chown(path, 1234, 1234, follow_symlinks=False)
    os.chown(home / "shared", 1234, 8)
    scratch.path("/etc/group").write_text("vmail:x:1234:\n")
    scratch.path("/etc/passwd").write_text("vmail:x:1234:1234::/home/vmail:/bin/sh\n")
    etc = scratch.path("/etc")
    scratch.stub("getent", f'grep "^$2:" {etc}/$1')
    scratch.stub(
        "id", f"""grep "^$2:" {etc}/passwd | cut -d: -f$([ $1 = -u ] && echo 3 || echo 4)"""
    )
    scratch.stub("groupmod", f'sed -i "s/:1234:/:$2:/" {etc}/group')
    scratch.stub("groupadd", "exit 1")
    scratch.stub("usermod", f'echo "$@" >>{etc}/log; [ ! -e {etc}/busy ] || exit 8')
    return scratch


def owners(host: Scratch) -> dict[str, tuple[int, int]]:
    """Return the numbers of the owner and the group of each file below /home/vmail."""
    top = host.path("/home/vmail")
    found = {str(path.relative_to(top)): path.lstat() for path in [top, *top.rglob("*")]}
    return {name: (about.st_uid, about.st_gid) for name, about in found.items()}


def run(host: Scratch, script: str) -> None:
    host.run_script(f"PATH=/usr/bin:/bin\nset -e\n{script}\n")


def test_files_follow_both_new_numbers_and_keep_other_groups(host: Scratch) -> None:
    run(host, f"{MAIL.fix()}\n{VMAIL.fix()}")
    ours = (5000, 5000)
    assert owners(host) == {
        ".": ours,
        "example.com": ours,
        "example.com/mail": ours,
        "example.com/link": ours,
        "example.com/shared": (5000, 8),
    }
    assert Path("/etc/passwd").stat().st_uid == 0


def test_files_follow_the_primary_group_that_is_not_vmails_own(host: Scratch) -> None:
    host.path("/etc/passwd").write_text("vmail:x:1234:8::/home/vmail:/bin/sh\n")
    run(host, VMAIL.fix())
    assert owners(host)["example.com/shared"] == (5000, 5000)
    assert owners(host)["example.com/mail"] == (5000, 1234)


def test_files_behind_a_link_to_a_big_disk_follow(host: Scratch) -> None:
    host.path("/srv").mkdir()
    host.path("/home/vmail").rename(host.path("/srv/vmail"))
    host.path("/home/vmail").symlink_to(host.path("/srv/vmail"))
    run(host, f"{MAIL.fix()}\n{VMAIL.fix()}")
    assert owners(host)["example.com/mail"] == (5000, 5000)


def test_refused_change_of_the_number_changes_no_file(host: Scratch) -> None:
    host.path("/etc/busy").touch()
    before = {name: uid for name, (uid, _) in owners(host).items()}
    run(host, f"( {VMAIL.fix()} ) || :")
    assert {name: uid for name, (uid, _) in owners(host).items()} == before


def test_crash_before_groupmod_is_made_good_by_the_next_run(host: Scratch) -> None:
    host.stub("groupmod", "exit 1")
    run(host, f"( {MAIL.fix()} ) || :")
    assert owners(host)["example.com/mail"] == (1234, 5000)
    (host.path("/home/vmail") / "new").write_text("delivered in between\n")
    os.chown(host.path("/home/vmail/new"), 1234, 1234)
    host.stub("groupmod", f'sed -i "s/:1234:/:$2:/" {host.path("/etc")}/group')
    run(host, MAIL.fix())
    assert owners(host)["new"] == (1234, 5000)
    assert ":5000:" in host.path("/etc/group").read_text()
