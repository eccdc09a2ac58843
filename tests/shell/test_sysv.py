"""Services of a SysV init that report success and end at once, and a master.cf that kills them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fabfile.model import shell
from fabfile.model.errors import ApplyError
from fabfile.model.resource import Restart
from fabfile.resources.file import File
from tasks import services
from tests.scratch import Scratch
from tests.shell.conftest import Bench

Benches = Callable[..., Bench]
CHECK_MASTER = shell.program(services.__file__, "check_master.awk")
GOOD = """\
# A comment
smtp      inet  n       -       y       -       -       smtpd
  -o smtpd_tls_security_level=none
# in between
  -o content_filter=
127.0.0.1:10025 inet n - n - - smtpd -o mynetworks=127.0.0.0/8
pickup    unix  n       -       y       60      1       pickup
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
smtpd     pass  -       -       y       -       -       smtpd
postlog   unix-dgram n  -       n       -       1       postlogd
old       fifo  n       -       n       300     1       qmgr
"""


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs this machine")
@pytest.mark.parametrize("verb", ["restart", "reload"])
def test_service_that_ends_within_a_second_fails_and_gets_its_files_back(
    bench: Benches, scratch: Scratch, verb: str
) -> None:
    config = scratch.path("/etc/s.conf")
    config.write_text("old\n")
    # It starts with anything and lives on what it had before only.
    alive = f"grep -qx old {config} || [ ! -e {scratch.root}/acted ]"
    scratch.stub(
        "service",
        f'[ "$2" != status ] || {{ {alive}; exit; }}\n'
        f'echo "$2" >>{scratch.root}/calls; touch {scratch.root}/acted; exit 0',
    )
    with pytest.raises(ApplyError, match=r"ended within a second after its (re|fail)"):
        bench(File("/etc/s.conf", "new\n", notify=Restart("some", verb=verb))).deploy()
    assert config.read_text() == "old\n"
    assert (scratch.root / "calls").read_text().split() == [verb, "restart"]


def checked(text: str, awk: str) -> subprocess.CompletedProcess[str]:
    words = ["busybox", "awk"] if awk == "busybox" else [awk]
    return subprocess.run(
        [*words, CHECK_MASTER, "/dev/stdin"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


AWKS = ("awk", "busybox")


@pytest.mark.parametrize("awk", AWKS)
def test_good_master_cf_passes(awk: str) -> None:
    done = checked(GOOD, awk)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("garbage", "eight fields, this has 1"),
        ("smtps inet n - n - -", "eight fields, this has 7"),
        ("smtps tcp n - n - - smtpd", 'unknown type "tcp"'),
        ("smtps inet n - maybe - - smtpd", 'field 5 is "maybe"'),
        ("smtps inet n - n soon - smtpd", 'wakeup time "soon"'),
        ("smtps inet n - n - many smtpd", 'process limit "many"'),
        ("smtps inet n - n - - -o x=y", "no command"),
    ],
)
def test_wrong_line_of_master_cf_is_named_with_its_number(awk: str, line: str, says: str) -> None:
    done = checked(f"{GOOD}{line}\n", awk)
    assert done.returncode == 1
    assert f"line {len(GOOD.splitlines()) + 1}: " in done.stderr
    assert says in done.stderr
    assert "garbage" in done.stderr or line[:40] in done.stderr


def test_master_cf_that_begins_with_a_blank_is_refused() -> None:
    done = checked(f"  -o a=b\n{GOOD}", "awk")
    assert "continues nothing" in done.stderr
