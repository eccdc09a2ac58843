"""The check of a host key without a server: time, speed, order, and what messages say."""

from __future__ import annotations

import base64
import random
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from fabfile.ssh import known_hosts
from fabfile.ssh.host_keys import ALGORITHMS, HostKeyRefused, HostKeys
from fabfile.ssh.keys import public_line
from fabfile.ssh.login import Login
from fabfile.ssh.public_key import certificate, from_text, public_key
from tests.ssh.sshd import keygen, make_key, public

DAY = 86400
LINES = 10_000
CREATED = 2_000_000_000
"""A day in 2033."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("a", "b", "ca"):
        make_key(folder / name)
    make_key(folder / "rsa", "rsa")
    keygen(
        "-s", folder / "ca", "-h", "-I", "x", "-n", "h", "-V", "20330501:20330601", folder / "a.pub"
    )
    return folder


def blob(folder: Path, name: str) -> bytes:
    found = public_line((folder / name).read_bytes())
    assert found
    return found


def host_keys(tmp_path: Path, text: str, host: str = "h", port: int = 22) -> HostKeys:
    """Return what a known_hosts file says about a host."""
    file = tmp_path / "known_hosts"
    file.write_text(text)
    login = Login("h", host, "root", port, known_hosts_files=(str(file),))
    return HostKeys(login, lambda: CREATED)


def refusal(keys: HostKeys, shown: bytes, version: str = "") -> str:
    with pytest.raises(HostKeyRefused) as refused:
        keys.check(shown, version)
    return f"{refused.value.found}\n{refused.value.remedy}"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (1998518400 - 1, "valid from 2033-05-01 00:00 UTC on"),
        (1998518400, ""),
        (2001196800 - 1, ""),
        (2001196800, "expired at 2033-06-01 00:00 UTC"),
    ],
)
def test_certificate_is_valid_from_its_first_second_to_its_last(
    folder: Path, tmp_path: Path, now: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = certificate(blob(folder, "a-cert.pub"))
    assert found
    # ssh-keygen reads the days of -V in local time.
    shift = found.valid_after - 1998518400
    keys = host_keys(tmp_path, f"@cert-authority * {public(folder / 'ca')}\n")
    keys.clock = lambda: now + shift
    if said:
        assert "has a certificate that is not valid" in refusal(keys, blob(folder, "a-cert.pub"))
        assert shift or said in refusal(keys, blob(folder, "a-cert.pub"))
    else:
        keys.check(blob(folder, "a-cert.pub"))


def test_altered_certificate_is_refused(folder: Path, tmp_path: Path) -> None:
    keys = host_keys(tmp_path, f"@cert-authority * {public(folder / 'ca')}\n")
    whole = blob(folder, "a-cert.pub")
    for place in (60, 130, len(whole) - 5):
        altered = bytearray(whole)
        altered[place] ^= 1
        assert "is not valid" in refusal(keys, bytes(altered))
    assert "is not valid" in refusal(keys, whole[:-1])
    assert "is not valid" in refusal(keys, b"")


def test_unknown_key_is_named_with_its_fingerprint_and_a_line_to_add(
    folder: Path, tmp_path: Path
) -> None:
    said = refusal(host_keys(tmp_path, "", "h", 2222), blob(folder, "a.pub"))
    key = from_text(*public(folder / "a").split())
    assert key
    assert said.startswith(f"is not known: ssh-ed25519 {key.fingerprint}\n")
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)" in said
    assert said.endswith(f"echo '[h]:2222 {key}' >> {tmp_path}/known_hosts")
    assert "MD5" not in said


def test_both_fingerprints_are_named_for_a_server_that_prints_md5(
    folder: Path, tmp_path: Path
) -> None:
    keys = host_keys(tmp_path, f"h {public(folder / 'b')}\n")
    said = refusal(keys, blob(folder, "a.pub"), "SSH-2.0-OpenSSH_6.7")
    assert said.count("SHA256:") == said.count("(MD5 ") == 2
    assert "MD5" not in refusal(keys, blob(folder, "a.pub"), "SSH-2.0-OpenSSH_6.8")


def test_strict_host_key_checking_no_is_said_not_to_count(folder: Path, tmp_path: Path) -> None:
    keys = host_keys(tmp_path, "")
    for value in ("no", "off", "accept-new"):
        keys.login = replace(keys.login, strict_host_key_checking=value)
        assert f"StrictHostKeyChecking {value} is not followed" in refusal(
            keys, blob(folder, "a.pub")
        )


def test_known_hosts_files_that_keep_nothing_are_not_in_the_remedy(
    folder: Path, tmp_path: Path
) -> None:
    files = ("/dev/null", "none", "~/.ssh/other hosts")
    keys = HostKeys(Login("h", "h", "root", 22, known_hosts_files=files))
    assert refusal(keys, blob(folder, "a.pub")).endswith(">> ~/'.ssh/other hosts'")


def test_known_types_are_asked_for_first(folder: Path, tmp_path: Path) -> None:
    assert host_keys(tmp_path, "").algorithms() == ALGORITHMS
    assert host_keys(tmp_path, f"h {public(folder / 'a')}\n").algorithms() == ALGORITHMS
    rsa = host_keys(tmp_path, f"h {public(folder / 'rsa')}\n").algorithms()
    assert all("rsa" in name for name in rsa[:5])
    assert sorted(rsa) == sorted(ALGORITHMS)
    authority = host_keys(tmp_path, f"@cert-authority h {public(folder / 'ca')}\n").algorithms()
    assert [name.endswith("-cert-v01@openssh.com") for name in authority[:7]] == [True] * 6 + [
        False
    ]


def test_setting_of_which_nothing_can_be_used_is_named(folder: Path, tmp_path: Path) -> None:
    keys = host_keys(tmp_path, "")
    keys.login = replace(keys.login, host_key_algorithms=("ssh-dss", "sk-x"))
    with pytest.raises(paramiko.SSHException, match="HostKeyAlgorithms is ssh-dss,sk-x, of which"):
        keys.algorithms()
    keys.login = replace(keys.login, host_key_algorithms=("ssh-dss", "ssh-rsa"))
    assert keys.algorithms() == ("ssh-rsa",)


def test_key_shorter_than_required_is_refused(folder: Path, tmp_path: Path) -> None:
    keys = host_keys(tmp_path, f"h {public(folder / 'rsa')}\n")
    keys.check(blob(folder, "rsa.pub"))
    keys.login = replace(keys.login, required_rsa_size=3072)
    keys.check(blob(folder, "rsa.pub"))
    keys.login = replace(keys.login, required_rsa_size=3073)
    assert "is too short: ssh-rsa with 3072 bits" in refusal(keys, blob(folder, "rsa.pub"))


def test_files_that_cannot_be_read_have_no_lines(folder: Path, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_text(f"h {public(folder / 'a')}\n")
    files = [str(tmp_path), "/no/such", "none", "/dev/null", "a\0b", "x" * 5000, str(good)]
    assert len(known_hosts.lookup("h", files)) == 1


def test_changed_file_is_read_again(folder: Path, tmp_path: Path) -> None:
    keys = host_keys(tmp_path, f"h {public(folder / 'a')}\n")
    keys.check(blob(folder, "a.pub"))
    host_keys(tmp_path, f"h,i {public(folder / 'b')}\n").check(blob(folder, "b.pub"))


@pytest.mark.parametrize("hashed", [False, True])
def test_lookup_among_ten_thousand_lines_is_fast(
    folder: Path, tmp_path: Path, hashed: bool
) -> None:
    file = tmp_path / "known_hosts"
    names = [
        f"host{number}.example.org,10.{number >> 8}.{number & 255}.1" for number in range(LINES)
    ]
    if hashed:
        names = [name.partition(",")[0] for name in names]
    file.write_text("".join(f"{name} {public(folder / 'a')}\n" for name in names))
    if hashed:
        keygen("-H", "-f", file)
    found = []
    begun = time.process_time()
    for host in ("host1.example.org", "host9999.example.org"):
        found += known_hosts.lookup(host, [str(file)])
    used = time.process_time() - begun
    assert [line.number for line in found] == [2, 10_000]
    # 0.1 s on a slow machine. paramiko takes minutes for as many hashed names (paramiko #2251).
    assert used < 1


def test_damaged_known_hosts_raises_nothing_but_a_refusal(folder: Path, tmp_path: Path) -> None:
    a, b, rsa = (public(folder / name) for name in ("a", "b", "rsa"))
    lines = f"h {a}\n@revoked * {b}\n*,!x {rsa}\n"
    good = f"{lines}|1|{'A' * 27}=|{'A' * 27}= {public(folder / 'ca')}\n".encode()
    shown = [blob(folder, name) for name in ("a.pub", "a-cert.pub")]
    chance = random.Random(14)
    for number in range(300):
        damaged = bytearray(good)
        for _ in range(chance.choice((1, 5, 60))):
            place = chance.randrange(len(damaged))
            damaged[place] = chance.choice(b"\x00\xff\r\n\t @|#*?!,[]=\\A")
        file = tmp_path / str(number)
        file.write_bytes(damaged)
        keys = HostKeys(Login("h", "h", "root", 22, known_hosts_files=(str(file),)))
        for one in shown:
            with suppress(HostKeyRefused):
                keys.check(one)
        with suppress(HostKeyRefused):
            keys.check(bytes(damaged))
        assert keys.algorithms()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x00\x0bssh-ed25519",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(31),
        b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(33),
        b"\x00\x00\x00\x07ssh-rsa\x00\x00\x00\x01\x03\x00\x00\x00\x81" + b"\xff" * 129,
    ],
)
def test_blob_that_is_no_key_is_none(content: bytes) -> None:
    assert public_key(content) is None
    assert certificate(content) is None
    encoded = base64.b64encode(content).decode()
    assert from_text("ssh-ed25519", encoded) is None
