"""The check of a server's host key, and the order in which its types are asked for.

Both follow OpenSSH's sshconnect.c (check_host_key) and sshconnect2.c (order_hostkeyalgs). Unlike
ssh, nothing here adds a key: StrictHostKeyChecking is always `yes`.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import paramiko

from fabfile.ssh.known_hosts import AUTHORITY, REVOKED, Line, lookup
from fabfile.ssh.login import Login
from fabfile.ssh.public_key import (
    CA_SIGNATURES,
    CERTIFICATE,
    HOST_CERTIFICATE,
    Certificate,
    PublicKey,
    certificate,
    plain_kind,
    public_key,
)
from fabfile.ssh.transport import usable

PLAIN = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
ALGORITHMS = (*(f"{name}{CERTIFICATE}" for name in PLAIN), *PLAIN, "ssh-rsa")
"""Host key algorithms in ssh's order, as far as paramiko has them; OpenSSH 5.3 needs the last."""
KEY_FILES = {"ssh-rsa": "rsa", "ssh-dss": "dsa", "ssh-ed25519": "ed25519"}
"""Middle of the name of a server's public key file, by type; ecdsa for the others."""
FOREVER = 2**64 - 1


class HostKeyRefused(paramiko.SSHException):
    """The server's host key is not to be trusted."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.found = found
        """What was found, to follow "the host key of HOST"."""
        self.remedy = remedy


class HostKeys(paramiko.MissingHostKeyPolicy):
    """What is known of one host's keys.

    paramiko calls it for a host without keys in paramiko's own list, and that list stays empty.
    """

    def __init__(self, login: Login, clock: Callable[[], float] = time.time) -> None:
        self.login = login
        self.clock = clock
        host, port = login.host.lower(), login.port or 22
        self.names = [host if port == 22 else f"[{host}]:{port}"]
        if login.host_key_alias:
            self.names = [login.host_key_alias]
        elif port != 22:
            # ssh takes the key of the host itself where the port has no keys of its own.
            self.names.append(host)
        self.lines = lookup(self.names[0], login.all_known_hosts)

    def algorithms(self) -> tuple[str, ...]:
        """Return the host key algorithms to offer, those of known keys first.

        HostKeyAlgorithms in ssh_config(5) stays in its order, as with ssh.
        """
        if wanted := self.login.host_key_algorithms:
            return usable("HostKeyAlgorithms", wanted, ALGORITHMS)
        first = {line.key.kind: line.key for line in reversed(self.lines) if not line.marker}
        kinds = {kind for kind, key in first.items() if not any(_has(self.lines, REVOKED, key))}
        if plain_kind(ALGORITHMS[0]) in kinds:
            return ALGORITHMS
        authority = any(line.marker == AUTHORITY for line in self.lines)

        def is_known(name: str) -> bool:
            return plain_kind(name) in kinds or (authority and name.endswith(CERTIFICATE))

        return tuple(sorted(ALGORITHMS, key=lambda name: not is_known(name)))

    def missing_host_key(self, client: paramiko.SSHClient, _name: str, key: paramiko.PKey) -> None:
        """Raise HostKeyRefused unless the server's key is known."""
        blob = key.public_blob.key_blob if key.public_blob else key.asbytes()
        transport = client.get_transport()
        self.check(blob, transport.remote_version if transport else "")

    def check(self, blob: bytes, remote_version: str = "") -> None:
        """Raise HostKeyRefused unless a key or certificate is known, and none of it revoked."""
        shown = certificate(blob)
        key = shown.key if shown else public_key(blob)
        if key is None or (shown and not shown.is_signed()):
            raise HostKeyRefused("is not valid", "renew the server's host keys: ssh-keygen -A")
        if key.kind == "ssh-rsa" and key.bits < self.login.required_rsa_size:
            raise HostKeyRefused(
                f"is too short: {key.kind} with {key.bits} bits",
                f"give the server a longer key: RequiredRSASize is {self.login.required_rsa_size}",
            )
        refusal = None
        if shown:
            refusal = self._check_certificate(shown, remote_version)
            if refusal is None:
                return
        # ssh takes the key itself where its certificate is not to be trusted.
        for name in self.names:
            lines = self._lines(name)
            _refuse_revoked(lines, key, None)
            if any(_has(lines, "", key)):
                return
            known = [line for line in lines if not line.marker]
            if known and name == self.names[0]:
                raise self._changed(key, known, remote_version)
        raise refusal or self._unknown(key, remote_version)

    def _check_certificate(self, shown: Certificate, version: str) -> HostKeyRefused | None:
        """Return why a certificate is not to be trusted; its key may still be known."""
        for name in self.names:
            lines = self._lines(name)
            try:
                _refuse_revoked(lines, shown.key, shown.authority)
            except HostKeyRefused as refused:
                if name == self.names[0]:
                    raise
                return refused
            if any(_has(lines, AUTHORITY, shown.authority)):
                reason = self._why_invalid(shown)
                return self._certificate_invalid(shown, reason) if reason else None
        return self._unknown(shown.key, version, shown.authority)

    def _lines(self, name: str) -> list[Line]:
        return self.lines if name == self.names[0] else lookup(name, self.login.all_known_hosts)

    def _why_invalid(self, shown: Certificate) -> str | None:
        algorithms = self.login.ca_signature_algorithms or CA_SIGNATURES
        return _why_invalid(shown, self.names[-1], int(self.clock()), algorithms)

    def _certificate_invalid(self, shown: Certificate, reason: str) -> HostKeyRefused:
        return HostKeyRefused(
            f"has a certificate that is not valid: {reason}",
            "sign it again on the server's side: ssh-keygen -s CA_KEY -h -I ID "
            f"-n {shlex.quote(self.names[-1])} /etc/ssh/ssh_host_{_middle(shown.key)}_key.pub",
        )

    def _changed(self, key: PublicKey, known: list[Line], version: str) -> HostKeyRefused:
        same = [line for line in known if line.key.kind == key.kind]
        listed = ", ".join(
            f"{_fingerprint(line.key, version)} ({line.place})" for line in (same or known)[:3]
        )
        if not same:
            return HostKeyRefused(
                f"is of another type than the known ones: the server shows "
                f"{_fingerprint(key, version)}, known are {listed}",
                "the server has no key of the known types any more. Unless it was set up anew, "
                f"another machine may have taken its place. {self._how_to_add(key, version)}",
            )
        return HostKeyRefused(
            f"has CHANGED: the server shows {_fingerprint(key, version)}, known is {listed}",
            "unless the server was reinstalled, another machine may have taken its place. If it "
            f"was: {_how_to_remove(same)}. {self._how_to_add(key, version)}",
        )

    def _unknown(
        self, key: PublicKey, version: str, authority: PublicKey | None = None
    ) -> HostKeyRefused:
        found = f"is not known: {_fingerprint(key, version)}"
        if authority:
            found += f", certified by {_fingerprint(authority, version)}, which no "
            found += f"{AUTHORITY} line names for {self.names[0]}"
        remedy = self._how_to_add(key, version)
        if self.login.strict_host_key_checking in ("no", "off", "false", "accept-new"):
            remedy += (
                f" (StrictHostKeyChecking {self.login.strict_host_key_checking} is not followed: "
                "mailfab never trusts a key that it does not know)"
            )
        return HostKeyRefused(found, remedy)

    def _how_to_add(self, key: PublicKey, version: str) -> str:
        """Return how to compare a key with the server's own, and how to add it."""
        line = shlex.quote(f"{self.names[0]} {key}")
        where = f"/etc/ssh/ssh_host_{_middle(key)}_key.pub"
        form = ", which prints MD5 there" if _prints_md5(version) else ""
        return (
            f"Compare it with what the server's console shows (ssh-keygen -lf {where}{form}), "
            f"then: echo {line} >> {self._file()}"
        )

    def _file(self) -> str:
        """Return the file that a key is added to: the first one that keeps lines."""
        files = (*self.login.known_hosts_files, *self.login.known_hosts)
        kept = (path for path in files if path not in ("/dev/null", "none"))
        return next((_shell_path(path) for path in kept), "~/.ssh/known_hosts")


def _has(lines: Iterable[Line], marker: str, key: PublicKey) -> Iterable[Line]:
    return (line for line in lines if line.marker == marker and line.key == key)


def _refuse_revoked(lines: list[Line], key: PublicKey, authority: PublicKey | None) -> None:
    """Raise HostKeyRefused if a line revokes a key or the authority of its certificate."""
    for subject, one in (
        ("is REVOKED", key),
        ("has a certificate whose authority is REVOKED", authority),
    ):
        for line in _has(lines, REVOKED, one) if one else ():
            raise HostKeyRefused(
                f"{subject} by {line.place}: {line.key.kind} {line.key.fingerprint}",
                "give the server a new key, and add it to known_hosts; or remove line "
                f"{line.number} of {line.file} if the key was not stolen",
            )


def _why_invalid(shown: Certificate, name: str, now: int, algorithms: Iterable[str]) -> str | None:
    """Return why a certificate of a known authority is not valid for a name, or None if it is."""
    names = ", ".join(shown.principals)
    if shown.type != HOST_CERTIFICATE:
        return "it is not for a host"
    if now < shown.valid_after:
        return f"it is valid from {_date(shown.valid_after)} on"
    if now >= shown.valid_before:
        return f"it expired at {_date(shown.valid_before)}"
    # As in OpenSSH before 10.3: no pattern, and a certificate without principals is for all hosts.
    if shown.principals and name not in shown.principals:
        return f"it is for {names}, not for {name}"
    if shown.critical:
        return f"it has critical options that ssh does not know: {', '.join(shown.critical)}"
    if shown.signature_algorithm not in algorithms:
        return f"its signature is {shown.signature_algorithm}, which ssh does not accept"
    return None


def _date(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"second {seconds}"


def _prints_md5(version: str) -> bool:
    """Return whether the server's ssh-keygen prints MD5 fingerprints: before OpenSSH 6.8."""
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", version)
    return bool(found and (int(found[1]), int(found[2])) < (6, 8))


def _fingerprint(key: PublicKey, version: str) -> str:
    md5 = f" (MD5 {key.md5})" if _prints_md5(version) else ""
    return f"{key.kind} {key.fingerprint}{md5}"


def _middle(key: PublicKey) -> str:
    return KEY_FILES.get(key.kind, "ecdsa")


def _shell_path(path: str) -> str:
    """Return a path for a shell, which expands the tilde."""
    start, slash, rest = path.partition("/")
    return f"{start}/{shlex.quote(rest)}" if start == "~" and slash else shlex.quote(path)


def _how_to_remove(lines: list[Line]) -> str:
    """Return the commands that remove lines from their files."""
    files: dict[str, list[int]] = {}
    for line in lines:
        files.setdefault(line.file, []).append(line.number)
    return " && ".join(
        f"sed -i '{';'.join(f'{n}d' for n in numbers)}' {_shell_path(path)}"
        for path, numbers in files.items()
    )
