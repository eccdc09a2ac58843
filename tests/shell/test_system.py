"""The system of a host: what its os-release says decides, and nothing in it is run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fabfile.engine import survey
from fabfile.model.errors import HostError
from fabfile.model.host import Host, Platform
from fabfile.model.system import SYSTEM, parse_platform
from tasks.guide import GUIDE
from tasks.platforms import ROWS, require_supported
from tasks.preflight import HOST
from tasks.services import dovecot_dialect, postfix_process, postfix_version
from tests.scratch import Scratch


def os_release(id_: str, version: str = "", like: str = "", name: str = "A system") -> str:
    """Return an os-release file as distributions write it."""
    lines = [f'PRETTY_NAME="{name}"', f"ID={id_}"]
    lines += [f'VERSION_ID="{version}"'] if version else []
    lines += [f'ID_LIKE="{like}"'] if like else []
    return "\n".join([*lines, 'HOME_URL="https://example.org/"', ""])


SUPPORTED = {
    "Debian 11": os_release("debian", "11"),
    "Debian 13": os_release("debian", "13"),
    "Ubuntu 22.04": os_release("ubuntu", "22.04", "debian", "Ubuntu 22.04.5 LTS"),
    "Ubuntu 24.04": os_release("ubuntu", "24.04", "debian", "Ubuntu 24.04.3 LTS"),
    "Ubuntu 26.04": os_release("ubuntu", "26.04", "debian", "Ubuntu 26.04.1 LTS"),
    "RHEL 8": os_release("rhel", "8.10", "fedora"),
    "Rocky 9": os_release("rocky", "9.6", "rhel centos fedora"),
    "Alma 10": os_release("almalinux", "10.0", "rhel centos fedora"),
    "CentOS 7": os_release("centos", "7", "rhel fedora"),
    "quotes of the other kind": "ID='debian'\nVERSION_ID='12'\n",
    "no quotes, no end of line": "ID=debian\nVERSION_ID=12",
    "a comment and empty lines": '# made by hand\n\nID=debian\n\nVERSION_ID="12"\n',
}
REFUSED = {
    "Debian 10": (os_release("debian", "10", name="Debian GNU/Linux 10 (buster)"), "buster"),
    "Debian 14": (os_release("debian", "14"), "VERSION_ID=14"),
    "testing": (os_release("debian", name="Debian GNU/Linux forky/sid"), "testing or unstable"),
    "Ubuntu 18.04": (os_release("ubuntu", "18.04", "debian"), "VERSION_ID=18.04"),
    "Ubuntu 20.04": (os_release("ubuntu", "20.04", "debian"), "VERSION_ID=20.04"),
    "Ubuntu 25.10": (os_release("ubuntu", "25.10", "debian"), "VERSION_ID=25.10"),
    "Ubuntu 22.10": (os_release("ubuntu", "22.10", "debian"), "VERSION_ID=22.10"),
    "Ubuntu without release": (os_release("ubuntu", like="debian"), "ID=ubuntu"),
    "Raspbian": (os_release("raspbian", "12", "debian"), "a derivative of Debian or Ubuntu"),
    "Mint": (os_release("linuxmint", "22", "ubuntu debian"), "ID=linuxmint"),
    "Mint with a number of Ubuntu's": (os_release("linuxmint", "22.04", "ubuntu"), "linuxmint"),
    "Devuan": (os_release("devuan", "12", "debian"), "ID=devuan"),
    "Kali": (os_release("kali", "2026.1", "debian"), "ID=kali"),
    "Pop!_OS": (os_release("pop", "22.04", "ubuntu debian"), "ID=pop"),
    "Oracle 8": (os_release("ol", "8.10", "fedora"), "ID=ol"),
    "Fedora": (os_release("fedora", "42"), "ID=fedora"),
    "Amazon 2023": (os_release("amzn", "2023", "fedora"), "ID=amzn"),
    "RHEL 5": (os_release("rhel", "5.11"), "VERSION_ID=5.11"),
    "Alma 11": (os_release("almalinux", "11.0", "rhel"), "VERSION_ID=11.0"),
    "openSUSE": (os_release("opensuse-leap", "15.6", "suse opensuse"), "ID=opensuse-leap"),
    "Alpine": (os_release("alpine", "3.22.0"), "ID=alpine"),
    "an empty file": ("", "os-release is missing or has no ID"),
    "a file without ID": ('NAME="Debian GNU/Linux"\nVERSION_ID="12"\n', "has no ID"),
    "an open quote": ('ID="debian\nVERSION_ID="12"\n', 'ID="debian'),
    "an ID with a blank": ('ID="debian testing"\nVERSION_ID="12"\n', "ID=debian testing"),
    "a page of HTML": ("<html><body>captive portal</body></html>\n", "has no ID"),
}
RED_HAT = {
    "CentOS release 6.10 (Final)": True,
    "Red Hat Enterprise Linux Server release 6.10 (Santiago)": False,
    "Scientific Linux release 6.10 (Carbon)": False,
    "CentOS release 5.11 (Final)": False,
    "CentOS release ": False,
    "": False,
}


def surveyed(scratch: Scratch, versions: dict[str, str] | None = None) -> Platform:
    """Return the platform that the real script finds, with what each row would find running."""
    asked: survey.Questions = {SYSTEM: {"": None}}
    states = survey.read(scratch.run_script(survey.script(asked, "n")), asked, "n")
    platform = parse_platform(states[SYSTEM.name, ""], versions or {}, {})
    row = next((row for row in ROWS if row.has(platform)), None)
    if row is None:
        return platform
    return replace(platform, init=row.init, package_manager=row.managers[0])


def check(platform: Platform) -> None:
    """Raise HostError for a system that is refused."""
    require_supported(Host("m").surveyed(platform, {}))


@pytest.mark.parametrize("system", SUPPORTED)
def test_id_and_release_of_a_row_are_accepted(scratch: Scratch, system: str) -> None:
    scratch.path("/etc/os-release").write_text(SUPPORTED[system])
    check(surveyed(scratch))


@pytest.mark.parametrize("system", REFUSED)
def test_id_or_release_without_a_row_is_refused_by_name(scratch: Scratch, system: str) -> None:
    text, word = REFUSED[system]
    scratch.path("/etc/os-release").write_bytes(text.encode())
    with pytest.raises(HostError) as error:
        check(surveyed(scratch))
    assert word in error.value.message
    assert "Ubuntu 22.04, 24.04 and 26.04" in error.value.remedy


def test_missing_os_release_is_refused_by_name(scratch: Scratch) -> None:
    with pytest.raises(HostError, match="/etc/os-release is missing"):
        check(surveyed(scratch))


@pytest.mark.parametrize("text", RED_HAT)
def test_only_centos_itself_is_accepted_as_system_without_os_release(
    scratch: Scratch, text: str
) -> None:
    scratch.path("/etc/redhat-release").write_text(f"{text}\n")
    platform = surveyed(scratch)
    if RED_HAT[text]:
        check(platform)
    else:
        with pytest.raises(HostError):
            check(platform)


def test_oracle_6_is_not_red_hat(scratch: Scratch) -> None:
    scratch.path("/etc/redhat-release").write_text("Red Hat Enterprise Linux Server release 6.10\n")
    scratch.path("/etc/oracle-release").write_text("Oracle Linux Server release 6.10\n")
    with pytest.raises(HostError, match=r"Oracle Linux Server release 6.10 \(ID=ol"):
        check(surveyed(scratch))


def test_command_in_os_release_is_not_run(scratch: Scratch) -> None:
    made = scratch.path("/etc/made")
    scratch.path("/etc/os-release").write_text(f"ID=$(touch {made}; echo debian)\ntouch {made}\n")
    with pytest.raises(HostError):
        check(surveyed(scratch))
    assert not made.exists()


@pytest.mark.parametrize(
    ("release", "versions", "expected"),
    [
        ("22.04", {}, ((3, 6), "2.3", "postfix@-")),
        ("24.04", {}, ((3, 8), "2.3", "postfix@-")),
        ("26.04", {}, ((3, 10), "2.4", "")),
        (
            "22.04",
            {"postfix": "3.6.4-1ubuntu1.3", "dovecot-core": "1:2.3.16+dfsg1-3ubuntu2.4"},
            ((3, 6, 4), "2.3", "postfix@-"),
        ),
        (
            "26.04",
            {"postfix": "3.10.6-4ubuntu2.1", "dovecot-core": "1:2.4.2+dfsg1-3ubuntu2.1"},
            ((3, 10, 6), "2.4", ""),
        ),
        # Dovecot's own repository has 2.4 for older releases.
        ("24.04", {"dovecot-core": "2:2.4.1-4+ubuntu24.04"}, ((3, 8), "2.4", "postfix@-")),
    ],
)
def test_installed_version_decides_the_dialect_on_ubuntu(
    scratch: Scratch, release: str, versions: dict[str, str], expected: object
) -> None:
    scratch.path("/etc/os-release").write_text(os_release("ubuntu", release, "debian"))
    host = GUIDE.validate(Host("m", {"fqdn": "m.example.com"}))
    surveyed_host = GUIDE.candidate(host, surveyed(scratch, versions))
    found = (
        postfix_version(surveyed_host),
        dovecot_dialect(surveyed_host),
        postfix_process(surveyed_host),
    )
    assert found == expected


@pytest.mark.parametrize("release", ["22.04", "24.04", "26.04"])
def test_first_survey_asks_all_that_ubuntu_needs(scratch: Scratch, release: str) -> None:
    scratch.path("/etc/os-release").write_text(os_release("ubuntu", release, "debian"))
    host = GUIDE.validate(Host("m", {"fqdn": "m.example.com"}))
    asked = survey.questions(GUIDE, GUIDE.sections, host)
    known = GUIDE.candidate(host, surveyed(scratch))
    assert GUIDE.resources(known)
    assert not survey.missing(asked, GUIDE.resources(known))


def test_masked_units_are_found_as_links_and_as_empty_files(scratch: Scratch) -> None:
    units = scratch.path("/etc/systemd/system")
    units.mkdir(parents=True)
    (units / "postfix.service").symlink_to("/dev/null")
    (units / "dovecot.service").touch()
    (units / "mariadb.service").write_text("[Service]\n")
    (units / "gone.service").symlink_to("/nowhere")
    asked: survey.Questions = {HOST: {"": None}}
    states = survey.read(scratch.run_script(survey.script(asked, "n")), asked, "n")
    found = {key.split(" ", 1)[1] for _, key in states if key.startswith("masked /etc/")}
    assert found == {"/etc/systemd/system/postfix.service", "/etc/systemd/system/dovecot.service"}
