"""The engine on a scratch folder, for real and without root: survey, plan, apply, crash, rollback.

The scripts run as an ordinary user: the tests' own, or `nobody` when the tests run as root.
"""

from __future__ import annotations

import grp
import os
import pwd
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fabfile.engine import deploy as deploy_module
from fabfile.engine.deploy import SurveyedState, survey_host
from fabfile.model.errors import ApplyError, UnreachableError, UsageError
from fabfile.model.host import Host, Platform, SurveyedHost
from fabfile.model.resource import Resource, Restart
from fabfile.model.section import Guide, section
from fabfile.resources.file import Directory, File
from fabfile.resources.ini import IniOption
from tasks.validators import is_password
from tests.scratch import Scratch

NOBODY = 65534
UID = os.geteuid() or NOBODY
USER = pwd.getpwuid(UID).pw_name
GROUP = grp.getgrgid(os.getegid() or NOBODY).gr_name


class Crash(Exception):
    """The control machine crashes."""


@dataclass
class Events:
    """An observer that records events, and can crash the run at one of them."""

    crash_at: int = -1
    seen: list[str] = field(default_factory=list)

    def _add(self, text: str) -> None:
        self.seen.append(text)
        if len(self.seen) - 1 == self.crash_at:
            raise Crash

    def surveying(self) -> None: ...

    def waiting(self, other: str) -> None: ...

    def cancelled(self) -> bool:
        return False

    def run_started(self, run: str) -> None: ...

    def section_started(self, section: object, batch: object) -> None:
        self._add("section")

    def step_started(self, section: object, title: str) -> None:
        self._add(f"begin {title}")

    def step_done(self, section: object, step: object) -> None:
        self._add("done")

    def restarted(self, section: object, title: str) -> None:
        self._add(f"restarted {title}")


@pytest.fixture
def host() -> Iterator[Scratch]:
    """A scratch host whose scripts run as an ordinary user; its `id` reports root."""
    command = ["sh"]
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sh"]
    # Not in pytest's tmp_path, which only its own user can read.
    with tempfile.TemporaryDirectory() as folder:
        made = Scratch(Path(folder), command)
        for name in ("etc", "var/lib", "bin"):
            (made.root / name).mkdir(parents=True)
        # Replace programs that need root or a real system.
        made.stub("id", "echo 0")
        made.stub("systemctl", f'echo "$@" >>{folder}/etc/services')
        made.stub("service", f'echo "$@" >>{folder}/etc/services')
        made.stub("sleep", "exit 0")
        for path in [made.root, *made.root.rglob("*")]:
            path.chmod(0o755)
            if os.geteuid() == 0:
                os.chown(path, NOBODY, NOBODY)
        yield made


def own(path: str, content: str, **more: object) -> File:
    return File(path, content, owner=USER, group=GROUP, **more)  # type: ignore[arg-type]


RELOAD = Restart("thing", check="true")
RESOURCES: tuple[Resource, ...] = (
    Directory("/etc/thing.d", owner=USER, group=GROUP, mode="0750"),
    own("/etc/thing.d/one.cf", "one\n", mode="0640"),
    own("/etc/thing.d/two.cf", "two 'quoted' $HOME\n", notify=RELOAD),
    own("/etc/thing.d/three.cf", "three\n", secret=True),
)


def survey(host: Scratch, observer: Events, resources: tuple[Resource, ...]) -> SurveyedState:
    @section("A trial")
    def trial(surveyed: SurveyedHost) -> Iterator[Resource]:
        yield from resources

    guide = Guide([trial], [Platform("debian", "12")])
    return survey_host(guide, guide.sections, Host("scratch"), host, observer)


Deploy = Callable[..., int]


@pytest.fixture
def deploy(host: Scratch) -> Deploy:
    """Survey and deploy resources; return the number of changes."""

    def run(*resources: Resource, crash_at: int = -1) -> int:
        return survey(host, Events(crash_at), resources or RESOURCES).deploy("a test").changed

    return run


def changes(host: Scratch) -> int:
    return survey(host, Events(), RESOURCES).plan().changes


def test_a_deploy_makes_the_plan_empty(host: Scratch, deploy: Deploy) -> None:
    assert changes(host) == 4
    assert deploy() == 4
    assert changes(host) == 0
    assert deploy() == 0
    assert host.path("/etc/thing.d/two.cf").read_text() == "two 'quoted' $HOME\n"
    assert host.path("/etc/thing.d/one.cf").stat().st_mode & 0o777 == 0o640
    assert "restart thing" in host.path("/etc/services").read_text().replace(
        "thing restart", "restart thing"
    )


@pytest.mark.parametrize(
    ("drift", "found"),
    [
        ("rm one.cf", 1),
        ("echo changed >one.cf", 1),
        ("chmod 600 one.cf two.cf", 2),
        ("rm -r ../thing.d", 4),
        ("rm one.cf; mkdir one.cf.d; touch one.cf.d/x", 1),
        ("echo other >other.cf", 0),
    ],
)
def test_drift_is_planned_and_fixed(host: Scratch, deploy: Deploy, drift: str, found: int) -> None:
    deploy()
    host.run_script(f"cd {host.root}/etc/thing.d && {drift}")
    assert changes(host) == found
    assert deploy() == found
    assert changes(host) == 0


@pytest.mark.parametrize("event", range(9))
def test_the_run_after_a_crash_finishes_the_work(host: Scratch, deploy: Deploy, event: int) -> None:
    with suppress(Crash):
        deploy(crash_at=event)
    deploy()
    assert changes(host) == 0
    # The first or the second run has made the restart that the change requires.
    assert "thing" in host.path("/etc/services").read_text()
    assert not list(host.path("/var/lib/mailfab/pending").iterdir())


def test_a_failed_step_names_section_resource_and_log(host: Scratch, deploy: Deploy) -> None:
    @dataclass(frozen=True)
    class Broken(File):
        def fix(self) -> str:
            return "echo it went wrong >&2; false"

    broken = Broken("/etc/broken", "", owner=USER, group=GROUP)
    with pytest.raises(ApplyError) as error:
        deploy(RESOURCES[0], broken, RESOURCES[1])
    assert str(error.value).startswith(
        "scratch: trial: Broken /etc/broken could not be fixed (exit code 1):\n      it went wrong"
    )
    assert host.path("/etc/thing.d").is_dir(), "changes before the failure stay"
    assert not host.path("/etc/thing.d/one.cf").exists(), "no step starts after the failure"


def test_a_refused_configuration_is_put_back(host: Scratch, deploy: Deploy) -> None:
    deploy()
    bad = own("/etc/thing.d/two.cf", "bad\n", notify=Restart("thing", check="echo refused; false"))
    with pytest.raises(ApplyError, match="does not pass its check, so 1 files were restored"):
        deploy(bad)
    assert host.path("/etc/thing.d/two.cf").read_text() == "two 'quoted' $HOME\n"
    # The restart is still due: the service may have read the refused configuration.
    assert changes(host) == 1
    assert deploy() == 1
    assert changes(host) == 0


def test_a_rollback_restores_files_but_no_secrets(host: Scratch, deploy: Deploy) -> None:
    deploy()
    newer = (
        own("/etc/thing.d/one.cf", "newer\n"),
        own("/etc/thing.d/three.cf", "3\n", secret=True),
    )
    assert deploy(*newer) == 2
    state = survey(host, Events(), newer)
    assert [len(run.files) for run in state.runs()] == [2, 3]
    assert state.roll_back(None, "a test").changed == 1
    assert host.path("/etc/thing.d/one.cf").read_text() == "one\n"
    assert host.path("/etc/thing.d/three.cf").read_text() == "3\n"


def test_generated_secret_passes_the_checks_of_databases() -> None:
    for _ in range(100):
        secret = deploy_module._new_secret().reveal()
        for kind in (str.islower, str.isupper, str.isdigit):
            assert sum(map(kind, secret)) >= 3, secret
        assert sum(not letter.isalnum() for letter in secret) == 3
        assert is_password(secret)


def test_a_rollback_without_a_run_is_refused(host: Scratch) -> None:
    with pytest.raises(UsageError, match="scratch: no run has replaced a file"):
        survey(host, Events(), RESOURCES).roll_back(None, "a test")


def test_a_host_without_an_answer_is_unreachable(host: Scratch) -> None:
    # It reads the whole script, so that our write to it cannot fail.
    host.shell = ["sh", "-c", "cat >/dev/null"]
    with pytest.raises(UnreachableError, match="scratch: the survey"):
        survey(host, Events(), RESOURCES)


def test_one_option_of_a_file_is_changed_in_place(host: Scratch, deploy: Deploy) -> None:
    file = host.path("/etc/my.cnf")
    file.write_text("# mine\n[mysqld]\nother = 1\nbind_address = ::\n")
    if os.geteuid() == 0:
        os.chown(file, NOBODY, NOBODY)
    option = IniOption("/etc/my.cnf", "mysqld", "bind-address", "127.0.0.1")
    assert deploy(option) == 1
    assert file.read_text() == "# mine\n[mysqld]\nother = 1\nbind-address = 127.0.0.1\n"
    assert deploy(option) == 0
