"""The command that makes a script root's, run by a shell with a sudo that only pretends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fabfile.model import shell
from fabfile.model.redact import SecretValue
from fabfile.ssh.sudo import NO_SUDO, Sudo

PASSWORD = "p w'$(id)"
SCRIPT = "echo survey\n"

# -n never reads a password. -S reads one, unless the account's NOPASSWD makes that needless.
FAKE_SUDO = """\
#!/bin/sh
echo "$*" >>"$LOG"
while [ "${1#-}" != "$1" ]; do
    case $1 in
    -n) [ -n "$NOPASSWD" ] || { echo 'sudo: a password is required' >&2; exit 1; } ;;
    -S) [ -n "$NOPASSWD" ] || { IFS= read -r said; [ "$said" = "$PASSWORD" ] || exit 1; } ;;
    -p) shift ;;
    esac
    shift
done
exec "$@"
"""


def run(
    folder: Path, command: str, stdin: str, *, nopasswd: bool
) -> tuple[subprocess.CompletedProcess[bytes], str]:
    """Run a command as a login shell would; return what came of it, and what sudo was asked."""
    sudo, log = folder / "sudo", folder / "log"
    sudo.write_text(FAKE_SUDO)
    sudo.chmod(0o755)
    log.touch()
    done = subprocess.run(
        ["sh", "-c", command],
        input=stdin.encode(),
        capture_output=True,
        check=False,
        env={
            "PATH": f"{folder}:{os.environ['PATH']}",
            "LOG": str(log),
            "PASSWORD": PASSWORD,
            "NOPASSWD": "1" if nopasswd else "",
        },
    )
    return done, log.read_text()


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("sudo", [NO_SUDO, Sudo(True)])
def test_script_without_a_password_runs(tmp_path: Path, sudo: Sudo, private: bool) -> None:
    command, stdin = sudo.wrap(SCRIPT, private=private)
    done, asked = run(tmp_path, command, stdin, nopasswd=True)
    output = done.stdout if private else shell.unpack_output(done.stdout, 100)
    assert output == b"survey\n"
    assert asked.startswith("-n") == sudo.wanted
    assert stdin == (SCRIPT if private else "")


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("nopasswd", [False, True])
def test_script_runs_whether_or_not_sudo_reads_the_password(
    tmp_path: Path, private: bool, nopasswd: bool
) -> None:
    command, stdin = Sudo(True, SecretValue(PASSWORD)).wrap(SCRIPT, private=private)
    done, asked = run(tmp_path, command, stdin, nopasswd=nopasswd)
    assert (done.stdout, done.stderr) == (b"survey\n", b"")
    assert asked.startswith("-k -S")


def test_private_script_and_password_are_not_in_the_command() -> None:
    for sudo in (NO_SUDO, Sudo(True), Sudo(True, SecretValue(PASSWORD))):
        command, stdin = sudo.wrap(SCRIPT, private=True)
        assert "survey" not in command
        assert PASSWORD not in command
        assert stdin.endswith(SCRIPT)


def test_wrong_password_runs_nothing(tmp_path: Path) -> None:
    command, stdin = Sudo(True, SecretValue("wrong")).wrap(SCRIPT)
    done, _ = run(tmp_path, command, stdin, nopasswd=False)
    assert done.returncode == 1
    assert done.stdout == b""


@pytest.mark.parametrize("noise", ["", "no line feed", "lines\n\n", "@0123456789abcdef start\n"])
@pytest.mark.parametrize("private", [False, True])
def test_text_of_the_login_shell_does_not_reach_the_output(
    tmp_path: Path, noise: str, private: bool
) -> None:
    marked, mark = shell.with_start_mark(SCRIPT)
    command, stdin = NO_SUDO.wrap(marked, private=private)
    greeting = f"printf %s {shell.quote(noise)}; {command}"
    done, _ = run(tmp_path, greeting, stdin, nopasswd=True)
    output = done.stdout if private else shell.unpack_output(done.stdout, 1000)
    assert shell.after_mark(output.decode(), mark) == "survey\n"


def test_output_without_the_mark_is_kept_it_says_why_no_script_was_started() -> None:
    assert shell.after_mark("sh: not found\n", "@0123456789abcdef start") == "sh: not found\n"


def test_root_needs_no_sudo_and_a_password_wants_it() -> None:
    assert Sudo(True, SecretValue("x")).for_user("root") == NO_SUDO
    assert Sudo(True).for_user("admin") == Sudo(True)
    assert NO_SUDO.with_password("x") == Sudo(True, SecretValue("x"))
    assert NO_SUDO.with_password(None) == NO_SUDO
    own = Sudo(True, SecretValue("of the inventory"))
    assert own.with_password("of the command line") == own


def test_password_is_not_shown() -> None:
    assert PASSWORD not in repr(Sudo(True, SecretValue(PASSWORD)))
