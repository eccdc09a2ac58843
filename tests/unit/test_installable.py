"""What preflight makes of apt's answers, recorded on a Debian 12 server in each state."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabfile.model.host import Host, Platform
from fabfile.model.preflight import Finding
from fabfile.model.resource import Change
from fabfile.resources.packages.apt import APT
from fabfile.resources.packages.manager import package_remedy
from fabfile.resources.packages.package import Package
from fabfile.resources.packages.yum import YUM
from tasks.installable import findings
from tasks.package_answer import INSTALLABLE

RECORDED = Path(__file__).resolve().parents[1] / "data" / "preflight"
NAMES = (
    "mariadb-server",
    "postfix",
    "postfix-mysql",
    "dovecot-core",
    "dovecot-imapd",
    "dovecot-pop3d",
    "dovecot-mysql",
)
LIST, LISTD = "/etc/apt/sources.list", "/etc/apt/sources.list.d"
FOREIGN = f"{LISTD}/foreign.list:1"
EXPECTED: dict[str, list[tuple[str, ...]]] = {
    # An unrelated source that fails is a warning, and the packages can be had.
    "good": [],
    "no-key": [("warn", "package source", FOREIGN, "NO_PUBKEY", "signed-by", "take out line 1")],
    "forbidden": [("warn", "package source", FOREIGN, "403", f"take out line 1 of {LISTD}")],
    "not-found": [
        ("warn", "package source", f"{LISTD}/foreign.sources:2", "404", "'Enabled: no' above line")
    ],
    "server-error": [("warn", "package source", FOREIGN, "500")],
    "unresolvable": [("warn", "package source", FOREIGN, "resolving 'nosuch.invalid'")],
    "hash-sum": [("warn", "package source", FOREIGN, "Hash Sum mismatch")],
    "unsigned": [("warn", "package source", FOREIGN, "is not signed")],
    "no-driver": [("warn", "package source", FOREIGN, "/usr/lib/apt/methods/tor+http")],
    "broken-line": [
        ("warn", "package source", f"{LISTD}/foreign.list", "'debb' is not known on line 2")
    ],
    "broken-deb822": [("warn", "package source", f"{LISTD}/foreign.sources", "(Suite)")],
    "two-broken-files": [
        ("warn", "package source", f"{LISTD}/a.sources", "mv /etc/apt/sources.list.d/a.sources"),
        ("warn", "package source", f"{LISTD}/b.list"),
    ],
    "broken-sources-list": [("warn", "package source", LIST, "line 6", "leaves that line out")],
    # One cause, one failure, with the file that has it.
    "conflicting-keys": [
        ("FAIL", "package source", f"{LIST}:1 and {FOREIGN}", "Signed-By", "the same signed-by")
    ],
    "broken-configuration": [("FAIL", "apt", "/etc/apt/apt.conf.d/99mine:2", "fix that line")],
    "broken-preferences": [("FAIL", "packages", "/etc/apt/preferences.d/mine", "that file")],
    "held": [("FAIL", "packages", "postfix is on hold", "apt-mark unhold postfix")],
    "held-dependency": [("FAIL", "packages", "apt-mark unhold dovecot-core")],
    "pinned": [("FAIL", "packages", "dovecot-core", "-1 in /etc/apt/preferences.d/mine:2")],
    "dead-proxy": [
        ("FAIL", "apt proxy", "127.0.0.1:3", "/etc/apt/apt.conf.d/zzmine:1", "Acquire::http::Proxy")
    ],
    "unresolvable-proxy": [("FAIL", "apt proxy", "proxy.invalid:3128", "zzmine:1")],
    "dead-main-source": [("FAIL", "package source", f"{LIST}:1", "503", "correct line 1 of")],
    "no-sources": [("FAIL", "packages", "no source has mariadb-server", LIST)],
    "locked": [("warn", "package lock", "(perl) holds /var/lib/dpkg/lock-frontend", "300 s")],
    "half-way": [("warn", "packages", "left ed half-way (iU)", "dpkg --configure ed")],
    "forbidden-starts": [("warn", "policy-rc.d", "forbids", "rm /usr/sbin/policy-rc.d")],
    "other-database": [
        ("FAIL", "packages", "apt would remove mysql-server-8.0", "mysqldump"),
    ],
    "other-mail-program": [],
    "small-cache": [("FAIL", "disk", "/var/cache/apt/archives", "apt-get clean")],
}


def judged(lines: list[str], platform: Platform, names: tuple[str, ...] = NAMES) -> list[Finding]:
    """Return the findings for the lines of an answer, about packages that are not installed."""
    host = Host("m").surveyed(platform, {})
    manager = APT if platform.package_manager == "apt" else YUM
    planned = [Change(Package(name, manager), {"installed": (None, True)}, True) for name in names]
    states = {(INSTALLABLE.name, key): state for key, state in INSTALLABLE.parse(lines).items()}
    return list(findings(host, states, planned))


def recorded(name: str) -> list[str]:
    return (RECORDED / f"{name}.txt").read_text().splitlines()


def test_every_recording_has_expected_findings() -> None:
    assert {file.stem for file in RECORDED.glob("*.txt")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_cause_is_named_once_with_file_and_remedy(name: str) -> None:
    found = [f for f in judged(recorded(name), Platform("debian", "12")) if f.verdict != "ok"]
    assert len(found) == len(EXPECTED[name]), [str(finding) for finding in found]
    for finding, (verdict, subject, *words) in zip(found, EXPECTED[name], strict=True):
        assert (finding.verdict, finding.subject) == (verdict, subject)
        for word in words:
            assert word in str(finding), f"{word!r} is not in: {finding}"


@pytest.mark.parametrize("name", EXPECTED)
def test_all_is_well_unless_something_is_fatal(name: str) -> None:
    found = judged(recorded(name), Platform("debian", "12"))
    fatal = any(finding.verdict == "FAIL" for finding in found)
    assert ("7 can be had" in str(found[-1])) is not fatal


@pytest.mark.parametrize("name", EXPECTED)
def test_password_in_an_address_does_not_travel(name: str) -> None:
    assert "hunter2" not in (RECORDED / f"{name}.txt").read_text()


MIRROR = "http://mirror.example/debian"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        # The sandbox does not look at the time: the message is that of apt's acquire-item.cc.
        (
            f"E: Release file for {MIRROR}/dists/stable/InRelease is expired (invalid since 3d 2h "
            "1min 5s). Updates for this repository will not be applied.",
            ("is expired", "look at the clock"),
        ),
        (
            f"E: Release file for {MIRROR}/dists/stable/InRelease is not valid yet (invalid for "
            "another 5h 2min 1s). Updates for this repository will not be applied.",
            ("is not valid yet", "look at the clock"),
        ),
        # apt 3.0 of Debian 13.
        (
            "W: An error occurred during the signature verification. The repository is not updated "
            "and the previous index files will be used. OpenPGP signature verification failed: "
            f"{MIRROR} stable InRelease: Sub-process /usr/bin/sqv returned an error, error "
            "message is: Missing key B0CAB9266E8C39, which is needed to verify signature.",
            ("Missing key B0CAB9266E8C39", "get its key from its owner"),
        ),
        (
            f"E: Repository '{MIRROR} stable InRelease' changed its 'Suite' value from 'stable' to "
            "'oldstable'",
            ("changed its 'Suite'", "--allow-releaseinfo-change"),
        ),
        (
            f"E: The repository '{MIRROR} stable Release' is no longer signed.",
            ("no longer signed",),
        ),
        (
            f"W: Failed to fetch {MIRROR}/dists/stable/main/binary-amd64/by-hash/SHA256/0  "
            "File has unexpected size (1 != 2). Mirror sync in progress? [IP: 192.0.2.1 80]",
            ("unexpected size",),
        ),
    ],
)
def test_message_about_a_source_names_its_line_and_what_helps(
    message: str, words: tuple[str, ...]
) -> None:
    other = f"source {LIST}:7 {MIRROR} stable-updates"
    lines = [f"source {FOREIGN} {MIRROR} stable", other, f"update {message}", "download 9"]
    found = judged(lines, Platform("debian", "12"))
    assert [finding.verdict for finding in found] == ["warn", "ok"]
    for word in (FOREIGN, *words):
        assert word in str(found[0])


def test_hold_beside_an_unreadable_source_has_a_remedy_that_needs_no_apt() -> None:
    unreadable = next(line for line in recorded("broken-line") if line.startswith("skipped "))
    found = judged([unreadable, *recorded("held")], Platform("debian", "12"))
    assert [finding.verdict for finding in found] == ["warn", "FAIL"]
    assert found[1].remedy == "echo postfix install | dpkg --set-selections"


@pytest.mark.parametrize(
    ("policy", "removed", "verdict"),
    [
        ("101 101", "exim4-daemon-light exim4 mail-transport-agent", "FAIL"),
        ("101 0", "exim4-daemon-light exim4 mail-transport-agent", "warn"),
        ("101 101", "", "warn"),
        ("0 0", "exim4-daemon-light exim4 mail-transport-agent", "ok"),
    ],
)
def test_policy_that_keeps_the_old_mail_program_running_is_fatal(
    policy: str, removed: str, verdict: str
) -> None:
    lines = [f"policy {policy}", "download 9", *([f"remove {removed}"] if removed else [])]
    assert judged(lines, Platform("debian", "12"))[0].verdict == verdict


def test_missing_package_on_ubuntu_names_universe() -> None:
    ubuntu = Platform("debian", "24.04", distribution="ubuntu")
    found = judged(["install E: Unable to locate package dovecot-mysql", "download 0"], ubuntu)
    assert [f.verdict for f in found] == ["FAIL"]
    assert "add-apt-repository universe" in found[0].remedy


def test_nothing_to_install_gives_no_findings() -> None:
    assert judged([], Platform("debian", "12"), ()) == []


EL8 = Platform("el", "8.10", "", "systemd", "dnf", distribution="rocky")
REPO = "repository /etc/yum.repos.d/foreign.repo:1 [foreign]"
OFFERED = [f"offered {name} 1" for name in ("postfix", "dovecot")]


@pytest.mark.parametrize(
    ("lines", "verdict", "words"),
    [
        ([REPO, "down foreign", *OFFERED], "warn", ("foreign.repo:1", "skip_if_unavailable=1")),
        (
            ["lock /etc/dnf/plugins/versionlock.list:3 postfix-2:3.5.7-*", "offered dovecot 1"],
            "FAIL",
            ("versionlock delete postfix", "versionlock.list:3"),
        ),
        (
            ["exclude /etc/dnf/dnf.conf:9 kernel* dove*", "offered postfix 1"],
            "FAIL",
            ("/etc/dnf/dnf.conf:9", "take dovecot out"),
        ),
        (["lock /etc/dnf/plugins/versionlock.list:1 postfix-0:3.5.8-*", *OFFERED], "ok", ()),
        (["exclude /etc/dnf/dnf.conf:9 kernel*", *OFFERED], "ok", ()),
        (["locked 77 /var/run/yum.pid packagekitd", *OFFERED], "warn", ("(packagekitd)",)),
    ],
)
def test_repositories_and_locks_of_enterprise_linux(
    lines: list[str], verdict: str, words: tuple[str, ...]
) -> None:
    found = judged(lines, EL8, ("postfix", "dovecot"))[0]
    assert found.verdict == verdict
    for word in words:
        assert word in str(found)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unatt)",
            ("process 812 (unatt)", "ps -fp 812"),
        ),
        (
            "The following held packages will be changed:\n  postfix libc6\n0 upgraded\n"
            "E: Held packages were changed and -y was used without --allow-change-held-packages.",
            ("apt-mark unhold postfix libc6",),
        ),
        (
            "E: Failed to fetch http://x.example/debian/dists/a/InRelease  403  Forbidden",
            ("http://x.example/debian/dists/a/InRelease", "403  Forbidden"),
        ),
        ("Error: Cannot find a valid baseurl for repo: base", ("vault_url=public",)),
        (
            "Errors were encountered while processing:\n grub-pc\nE: Sub-process /usr/bin/dpkg",
            ("dpkg --configure grub-pc",),
        ),
        ("E: Unable to locate package postfix", ("apt-cache policy", "universe")),
        ("nothing that is known", ()),
    ],
)
def test_failed_installation_names_what_its_log_names(log: str, words: tuple[str, ...]) -> None:
    remedy = package_remedy(log)
    assert bool(remedy) == bool(words)
    for word in words:
        assert word in remedy
    assert ("vault" in remedy) == ("baseurl" in log)
