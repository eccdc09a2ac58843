"""Files and edits on a scratch root, under dash, bash and busybox."""

from __future__ import annotations

import stat
from collections.abc import Callable

import pytest

from fabfile.model.errors import ApplyError
from fabfile.model.resource import Resource, Restart
from fabfile.resources.file import BackupCopy, Directory, File, RequiredFile
from fabfile.resources.ini import IniOption
from tasks.resources.alias import Alias
from tasks.resources.postconf import MasterService
from tests.scratch import Scratch
from tests.shell.conftest import Bench

Benches = Callable[..., Bench]
AWKWARD = 'it\'s "quoted" $HOME `id` \\ %s {{ x }} é\n\n  last line without end'


def converges(bench: Bench, expected: int = 1) -> None:
    """Assert that a deploy makes this many changes, and the next one none."""
    assert bench.deploy().changed == expected
    assert bench.plan().changes == 0
    assert bench.deploy().changed == 0


@pytest.mark.parametrize("content", ["plain\n", "", AWKWARD, "x" * 200_000 + "\n"])
def test_missing_file_is_created_with_exact_content(
    bench: Benches, scratch: Scratch, content: str
) -> None:
    converges(bench(File("/etc/some.cf", content, mode="0640")))
    file = scratch.path("/etc/some.cf")
    assert file.read_text() == content
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("before", ["other content", "mode", "owner", "leftover"])
def test_file_in_any_wrong_state_is_fixed(bench: Benches, scratch: Scratch, before: str) -> None:
    file = scratch.path("/etc/some.cf")
    file.write_text("right\n")
    file.chmod(0o644)
    match before:
        case "other content":
            file.write_text("wrong\n")
        case "mode":
            file.chmod(0o600)
        case "owner":
            import os

            os.chown(file, 1, 1)
        case "leftover":
            file.unlink()
            scratch.path("/etc/some.cf.mailfab-new.AbCdEf").write_text("half")
    converges(bench(File("/etc/some.cf", "right\n")))
    assert not list(scratch.path("/etc").glob("*.mailfab-new*"))


def test_directory_at_the_path_of_a_file_fails_and_stays(bench: Benches, scratch: Scratch) -> None:
    scratch.path("/etc/some.cf").mkdir()
    with pytest.raises(ApplyError, match=r"scratch: trial: File /etc/some.cf.*\n.*is a directory"):
        bench(File("/etc/some.cf", "x")).deploy()
    assert scratch.path("/etc/some.cf").is_dir()


def test_replaced_file_is_kept_for_a_rollback(bench: Benches, scratch: Scratch) -> None:
    scratch.path("/etc/some.cf").write_text("before\n")
    bench(File("/etc/some.cf", "after\n")).deploy()
    (kept,) = scratch.path("/var/lib/mailfab/runs").glob("*/kept/**/some.cf")
    assert kept.read_text() == "before\n"
    assert stat.S_IMODE(scratch.path("/var/lib/mailfab").stat().st_mode) == 0o700


def test_missing_directory_or_wrong_mode_is_fixed(bench: Benches, scratch: Scratch) -> None:
    converges(bench(Directory("/etc/a/b", mode="0750")))
    scratch.path("/etc/a/b").chmod(0o777)
    converges(bench(Directory("/etc/a/b", mode="0750")))


def test_backup_copy_is_made_once(bench: Benches, scratch: Scratch) -> None:
    scratch.path("/etc/d.conf").write_text("shipped\n")
    resources = (
        BackupCopy("/etc/d.conf", copy="/etc/d.conf-backup"),
        File("/etc/d.conf", "ours\n"),
    )
    converges(bench(*resources), expected=2)
    scratch.path("/etc/d.conf").write_text("edited\n")
    converges(bench(*resources), expected=1)
    assert scratch.path("/etc/d.conf-backup").read_text() == "shipped\n"


def test_missing_required_file_fails_and_names_its_variable(
    bench: Benches, scratch: Scratch
) -> None:
    with pytest.raises(ApplyError, match=r"is missing(.|\n)*correct tls_cert in the inventory"):
        bench(RequiredFile("/etc/cert.pem", "tls_cert")).deploy()
    scratch.path("/etc/cert.pem").write_text("x")
    assert bench(RequiredFile("/etc/cert.pem", "tls_cert")).plan().changes == 0


OPTION = IniOption("/etc/my.cnf", "mysqld", "bind-address", "127.0.0.1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "[mysqld]\nbind-address = 127.0.0.1\n"),
        ("[mysqld]\nuser=mysql\n", "[mysqld]\nuser=mysql\nbind-address = 127.0.0.1\n"),
        (
            "# ours\n[mysqld]\nbind_address=0.0.0.0\nuser=mysql\n\n[mysqld_safe]\nx=1\n",
            "# ours\n[mysqld]\nbind-address = 127.0.0.1\nuser=mysql\n\n[mysqld_safe]\nx=1\n",
        ),
        (
            "[mysqld]\nuser=mysql\n\n[client]\nbind-address=9\n",
            "[mysqld]\nuser=mysql\nbind-address = 127.0.0.1\n\n[client]\nbind-address=9\n",
        ),
        ("[client]\nx=1\n", "[client]\nx=1\n[mysqld]\nbind-address = 127.0.0.1\n"),
        (
            "[mysqld]\nbind-address=1\n#bind-address=2\nbind_address=3\n",
            "[mysqld]\nbind-address = 127.0.0.1\n#bind-address=2\n",
        ),
    ],
)
def test_wrong_option_changes_only_its_line(
    bench: Benches, scratch: Scratch, before: str | None, after: str
) -> None:
    file = scratch.path("/etc/my.cnf")
    if before is not None:
        file.write_text(before)
    converges(bench(OPTION))
    assert file.read_text() == after


def test_edit_through_a_link_keeps_owner_mode_and_link(bench: Benches, scratch: Scratch) -> None:
    import os

    real = scratch.path("/etc/real.cnf")
    real.write_text("[mysqld]\n")
    real.chmod(0o604)
    os.chown(real, 1, 2)
    scratch.path("/etc/my.cnf").symlink_to(real)
    converges(bench(OPTION))
    status = real.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1, 2, 0o604)
    assert scratch.path("/etc/my.cnf").is_symlink()


DOVECOT = MasterService(
    "dovecot", "unix", "pipe", ("flags=DRhu user=vmail:vmail", "argv=/usr/lib/x -f ${sender}")
)
MASTER = "smtp      inet  n       -       y       -       -       smtpd\n"


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (MASTER, MASTER),
        (f"{MASTER}dovecot unix - n n - - pipe\n  flags=D user=x\n  argv=/old\n", MASTER),
        (
            f"dovecot unix - n n - - pipe\n# a remark\n  argv=/old\n{MASTER}  -o a=b\n",
            f"# a remark\n{MASTER}  -o a=b\n",
        ),
        (f"dovecot inet n - n - - pipe\n{MASTER}", f"dovecot inet n - n - - pipe\n{MASTER}"),
        (f"#dovecot unix - n n - - pipe\n{MASTER}", f"#dovecot unix - n n - - pipe\n{MASTER}"),
    ],
)
def test_wrong_service_of_master_cf_is_replaced(
    bench: Benches, scratch: Scratch, before: str, kept: str
) -> None:
    folder = scratch.path("/etc/postfix")
    folder.mkdir()
    (folder / "master.cf").write_text(before)
    converges(bench(DOVECOT))
    assert (folder / "master.cf").read_text() == f"{kept}{DOVECOT.entry}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "root: me@example.com\n"),
        ("# x\nwww: root\n", "# x\nwww: root\nroot: me@example.com\n"),
        ("Root : old,\n  older\nwww: root\n", "root: me@example.com\nwww: root\n"),
        ('"root": old\n', "root: me@example.com\n"),
        ("rooted: x\nroot:a\nroot:b\n", "rooted: x\nroot: me@example.com\n"),
    ],
)
def test_wrong_alias_is_replaced(bench: Benches, scratch: Scratch, before: str, after: str) -> None:
    scratch.path("/etc/aliases").write_text(before)
    converges(bench(Alias("root", "me@example.com")))
    assert scratch.path("/etc/aliases").read_text() == after


def services(scratch: Scratch, check: str = "true") -> tuple[Resource, ...]:
    """Return a file whose service is a stub that logs its calls."""
    scratch.stub("systemctl", f'echo "$*" >>{scratch.root}/calls; exit 0')
    says = f'[ "$2" = status ] || echo "$2 $1" >>{scratch.root}/calls; exit 0'
    scratch.stub("service", says)
    scratch.stub("sleep", "exit 0")
    return (File("/etc/s.conf", "new\n", notify=Restart("some", check=check)),)


def calls(scratch: Scratch) -> list[str]:
    """Return the calls that the service has logged."""
    file = scratch.root / "calls"
    return file.read_text().splitlines() if file.exists() else []


def test_two_changes_of_a_service_restart_it_once(bench: Benches, scratch: Scratch) -> None:
    target = bench(*services(scratch), File("/etc/t.conf", "x", notify=Restart("some", "true")))
    target.deploy()
    target.deploy()
    assert calls(scratch) == ["restart some"]


def test_configuration_that_fails_its_check_is_restored(bench: Benches, scratch: Scratch) -> None:
    scratch.path("/etc/s.conf").write_text("old\n")
    target = bench(*services(scratch, "echo line 7 is wrong; false"))
    with pytest.raises(ApplyError, match=r"files were restored(.|\n)*line 7 is wrong"):
        target.deploy()
    assert scratch.path("/etc/s.conf").read_text() == "old\n"
    assert calls(scratch) == []


def test_pending_restart_is_done_by_the_next_run(bench: Benches, scratch: Scratch) -> None:
    target = bench(*services(scratch))
    target.deploy()
    scratch.path("/var/lib/mailfab/pending/restart.some").touch()
    assert target.plan().changes == 1
    assert target.deploy().restarts == 1
    assert target.plan().changes == 0
    assert calls(scratch) == ["restart some", "restart some"]


def test_first_failure_stops_the_section(bench: Benches, scratch: Scratch) -> None:
    scratch.path("/etc/a").mkdir()
    with pytest.raises(ApplyError, match="File /etc/a"):
        bench(File("/etc/a", "x"), File("/etc/b", "x")).deploy()
    assert not scratch.path("/etc/b").exists()
