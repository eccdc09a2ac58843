"""What apt and yum do when a source fails, a file cannot be read, or another program has the lock.

The package managers are stubs that print what the real ones print; the scripts are the real ones.
"""

from __future__ import annotations

import pytest

from fabfile.resources.packages.apt import APT
from fabfile.resources.packages.manager import ASK_YUM, Wanted, package_remedy
from fabfile.resources.packages.yum import DNF, YUM
from tests.scratch import Scratch

LOCK = (
    "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 999999 (unattended-upgr)"
)


@pytest.fixture
def host(scratch: Scratch) -> Scratch:
    """A host whose programs note how they are called, and succeed."""
    scratch.path("/var/lib/mailfab").mkdir(parents=True)
    scratch.path("/etc/apt/sources.list.d").mkdir(parents=True)
    scratch.path("/etc/apt/sources.list").write_text("deb http://main.example stable main\n")
    scratch.path("/etc/apt/sources.list.d/good.list").write_text("deb http://b.example a b\n")
    apt_get(scratch, "")
    scratch.stub("dpkg", "exit 0")
    scratch.stub("sleep", "exit 0")
    return scratch


def apt_get(host: Scratch, script: str) -> None:
    host.stub("apt-get", f'echo "$*" >>{host.root}/calls\n{script}')


def run(host: Scratch, script: str) -> tuple[str, str]:
    """Run a fix as a step does; return its output and the last word of its exit code."""
    text = (
        f"PATH=/usr/bin:/bin LC_ALL=C\nexport PATH LC_ALL\n( set -e\n{script}\n) 2>&1\necho code $?"
    )
    output = host.run_script(text)
    return output, output.split()[-1]


def calls(host: Scratch) -> str:
    return host.path("/calls").read_text()


def test_failing_source_does_not_stop_the_installation(host: Scratch) -> None:
    error = "E: The repository 'http://foreign.example stable InRelease' is not signed."
    apt_get(host, f'case "$*" in *update*) echo "{error}"; exit 100 ;; esac')
    output, code = run(host, APT.install([Wanted("postfix")], 5))
    assert code == "0"
    assert error in output
    assert "install postfix" in calls(host)


def test_failing_source_is_named_last_when_the_installation_fails(host: Scratch) -> None:
    error = "E: Failed to fetch http://main.example/dists/stable/InRelease  403  Forbidden"
    apt_get(
        host,
        f'case "$*" in *update*) echo "{error}"; exit 100 ;;'
        '*install*) echo "E: Unable to locate package postfix"; exit 100 ;; esac',
    )
    output, code = run(host, APT.install([Wanted("postfix")], 5))
    assert code == "100"
    assert output.splitlines()[-2] == error
    assert "http://main.example/dists/stable/InRelease" in package_remedy(output)


def test_held_lock_of_the_lists_is_waited_for(host: Scratch) -> None:
    apt_get(
        host,
        f'case "$*" in *update*) echo x >>{host.root}/tries\n'
        f'[ "$(wc -l <{host.root}/tries)" -ge 4 ] || {{ echo "{LOCK}"; exit 100; }} ;; esac',
    )
    assert run(host, APT.install([Wanted("postfix")], 5))[1] == "0"
    assert "install postfix" in calls(host)


@pytest.mark.parametrize("program", ["apt-get", "dpkg"])
def test_holder_of_the_lock_is_named_after_the_bound(host: Scratch, program: str) -> None:
    if program == "apt-get":
        apt_get(host, f'case "$*" in *update*) echo "{LOCK}"; exit 100 ;; esac')
    else:
        # The message of dpkg has no name: /proc tells it.
        message = "dpkg: error: dpkg frontend lock was locked by another process with pid 1"
        host.stub("dpkg", f'echo "{message}" >&2; exit 2')
    output, code = run(host, APT.install([Wanted("postfix")], 3))
    assert code == "1"
    assert "after 3 seconds" in output
    assert "install postfix" not in calls(host)
    remedy = package_remedy(output)
    assert ("process 999999" if program == "apt-get" else "ps -fp 1)") in remedy


BROKEN = """
options="$*"
folder=ETC/sources.list.d list=ETC/sources.list
for word; do
    case $word in
    Dir::Etc::SourceParts=*) folder=${word#*=} ;;
    Dir::Etc::SourceList=*) list=${word#*=} ;;
    esac
done
line=$(grep -n '^bad' "$list" | cut -d: -f1 | head -n 1)
if [ -n "$line" ]; then
    echo "E: Type 'bad' is not known on line $line in source list $list" >&2
    exit 100
fi
for file in "$folder"/bad*; do
    if [ -e "$file" ]; then
        echo "E: Malformed entry 1 in sources file $file (Suite)" >&2
        echo 'E: The list of sources could not be read.' >&2
        exit 100
    fi
done
case $options in *install*) cat "$list" "$folder"/*; ls "$folder" ;; esac
"""


def test_sources_that_apt_cannot_read_are_left_out_and_stay(host: Scratch) -> None:
    etc = host.path("/etc/apt")
    (etc / "sources.list.d/bad.sources").write_text("Types: deb\n")
    (etc / "sources.list.d/bad-too.list").write_text("deb\n")
    with (etc / "sources.list").open("a") as file:
        file.write("bad line\ndeb http://c.example d e\nbad again\n")
    apt_get(host, BROKEN.replace("ETC", str(etc)))
    before = {path: path.read_text() for path in etc.rglob("*") if path.is_file()}
    output, code = run(host, APT.install([Wanted("postfix")], 5))
    assert code == "0"
    for word in ("http://main.example", "http://b.example", "http://c.example", "good.list"):
        assert word in output
    assert "/etc/apt/sources.list.d/bad.sources: Malformed entry 1" in output
    assert {path: path.read_text() for path in etc.rglob("*") if path.is_file()} == before


def test_error_that_is_not_of_a_source_ends_the_search(host: Scratch) -> None:
    apt_get(host, "echo 'E: Syntax error /etc/apt/apt.conf.d/99x:2: Extra junk' >&2; exit 100")
    output, code = run(host, APT.install([Wanted("postfix")], 5))
    assert code == "100"
    assert "/etc/apt/apt.conf.d/99x:2" in output


MESSAGES = {
    "yum of EL 6": "Error: Cannot retrieve repository metadata (repomd.xml) for repository: NAME. "
    "Please verify its path and try again",
    "yum without a mirror": "Error: Cannot find a valid baseurl for repo: NAME",
    "yum of EL 7": "failure: repodata/repomd.xml from NAME: [Errno 256] No more mirrors to try.",
    "dnf": "Error: Failed to download metadata for repo 'NAME': Cannot download repomd.xml: "
    "Cannot download repodata/repomd.xml: All mirrors were tried",
}


def yum_without(host: Scratch, *repositories: str, message: str) -> None:
    """Let yum fail, as the real one does, for the first of these that is not to be skipped."""
    lines = [f'echo "$*" >>{host.root}/calls']
    for name in repositories:
        text = message.replace("NAME", name)
        skipped = f'*"--setopt={name}.skip_if_unavailable=1 "*'
        lines.append(f'case "$* " in {skipped}) ;; *) echo "{text}" >&2; exit 1 ;; esac')
    for program in ("yum", "dnf"):
        host.stub(program, "\n".join([*lines, "echo postfix.x86_64 2:3.5 appstream"]))
    host.stub("rpm", "exit 0")


@pytest.mark.parametrize("message", MESSAGES)
def test_unrelated_repository_that_is_down_is_left_out(host: Scratch, message: str) -> None:
    yum_without(host, "epel", "mysql-tools", message=MESSAGES[message])
    manager = DNF if message == "dnf" else YUM
    output, code = run(host, manager.install([Wanted("postfix")], 5))
    assert code == "0"
    assert "the repository epel does not answer, and is left out" in output
    assert "the repository mysql-tools does not answer" in output
    assert calls(host).count("install postfix") == 3
    asked, _ = run(host, f"{ASK_YUM}\nask_yum list available postfix || echo failed")
    assert "postfix.x86_64" in asked


@pytest.mark.parametrize("name", ["base", "updates", "centosplus", "baseos", "rhel-8-for-x86_64"])
def test_repository_of_the_system_is_not_left_out(host: Scratch, name: str) -> None:
    yum_without(host, name, message=MESSAGES["dnf"])
    output, _ = run(host, f"{ASK_YUM}\nask_yum list available postfix || echo failed")
    assert "failed" in output
    assert "left out" not in output
    assert calls(host).count("list available") == 1


def test_yum_that_fails_for_another_reason_is_asked_once(host: Scratch) -> None:
    yum_without(host, "x", message="Error: No matching Packages to list")
    run(host, f"{ASK_YUM}\nask_yum list available postfix || :")
    assert calls(host).count("list available") == 1
