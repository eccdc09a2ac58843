"""The order in which keys and the password are tried, and logins that take several of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import paramiko
from paramiko.auth_strategy import AuthStrategy

from fabfile.model.redact import SecretValue
from fabfile.ssh import keys
from fabfile.ssh.agent import Agent
from fabfile.ssh.algorithms import may_sign, rsa_bits
from fabfile.ssh.keys import Signer, UnusableKeyError
from fabfile.ssh.login import Login
from fabfile.ssh.public_key import certificate, plain_kind

PUBLICKEY = "publickey"
PASSWORD = "password"  # noqa: S105
INTERACTIVE = "keyboard-interactive"
DEFAULT_FILES = tuple(f"~/.ssh/{name}" for name in keys.DEFAULT_KEYS)
SINCE = {"ecdsa": (5, 7), "ssh-ed25519": (6, 5), "sk-": (8, 2)}
"""First OpenSSH with a type of keys, by the type's beginning (release notes of OpenSSH)."""


@dataclass(frozen=True)
class Attempt:
    """One way to log in."""

    name: str
    method: str
    login: Callable[[Any], list[str]]
    """Logs in on a transport; returns the methods that the server wants as well."""
    signer: Signer | None = None


@dataclass
class Answers:
    """Answers to keyboard-interactive: the password to the first question with hidden input."""

    password: SecretValue
    questions: list[str] = field(default_factory=list)
    """Questions that got no answer."""
    given: bool = False

    def __call__(self, _title: str, text: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """Return an answer for each prompt (text, and whether its input is shown)."""
        if len(prompts) == 1 and not prompts[0][1] and not self.given:
            self.given = True
            return [self.password.reveal()]
        asked = [text, *(prompt for prompt, _ in prompts)] if prompts else []
        self.questions += [re.sub(r"\s+", " ", one)[:100].strip() for one in asked if one.strip()]
        return [""] * len(prompts)


class Keyring(AuthStrategy):
    """What is tried to log in: the named keys, the agent's and the default ones; then a password.

    A key is tried when the server has refused the one before.
    """

    def __init__(self, login: Login, passphrase: str | None = None) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self.login = login
        self.user = login.user
        self.passphrase = passphrase
        self.tried: list[str] = []
        """Keys and passwords that the server has rejected."""
        self.unusable: list[str] = []
        """Keys that were not tried, and why."""
        self.accepted: list[str] = []
        """Keys and passwords that the server took and wanted more."""
        self.wanted: tuple[str, ...] = ()
        """Methods that the server takes, in its last answer."""
        self.answers = Answers(login.password) if login.password is not None else None
        self._agent: Agent | None = None

    @property
    def agent(self) -> Agent:
        """The agent, asked at first use only."""
        if self._agent is None:
            self._agent = Agent(self.login.identity_agent)
        return self._agent

    def authenticate(self, transport: Any) -> Any:
        """Log in. Raises AuthenticationException if nothing, or not all, is accepted."""
        try:
            self._authenticate(transport)
        finally:
            if self._agent:
                self._agent.close()

    def _authenticate(self, transport: Any) -> None:
        waiting: list[Attempt] = []
        attempts = self.attempts(transport.remote_version)
        while attempt := self._next(waiting, attempts):
            try:
                left = attempt.login(transport)
            except paramiko.BadAuthenticationType as error:
                self.wanted = tuple(error.allowed_types)
                waiting.append(attempt)
            except paramiko.AuthenticationException:
                if not transport.is_active():
                    self.tried.append(attempt.name)
                    raise
                self.tried.append(attempt.name)
                self.wanted = transport.allowed_methods or self.wanted
            except paramiko.SSHException as error:
                if not transport.is_active() or attempt.signer is None:
                    raise
                self.unusable.append(f"{attempt.name} (did not sign: {error})")
            else:
                if not left:
                    return
                self.accepted.append(attempt.name)
                self.wanted = tuple(left)
        raise paramiko.AuthenticationException("the server rejected every login")

    def _next(self, waiting: list[Attempt], attempts: Iterator[Attempt]) -> Attempt | None:
        """Return the next attempt by a method that the server takes; keep the others waiting."""
        for attempt in waiting:
            if self._may_try(attempt):
                waiting.remove(attempt)
                return attempt
        for attempt in attempts:
            if self._may_try(attempt):
                return attempt
            waiting.append(attempt)
        return None

    def _may_try(self, attempt: Attempt) -> bool:
        if not self.wanted:
            return attempt.method != INTERACTIVE
        # A password that was rejected is not sent again in another way.
        spent = attempt.method == INTERACTIVE and "the password" in self.tried
        return attempt.method in self.wanted and not spent

    def attempts(self, remote_version: str = "") -> Iterator[Attempt]:
        """Yield all ways to log in, in order; note in `unusable` what cannot be tried."""
        seen: set[bytes] = set()
        for name, signer in self._signers():
            blob = signer.asbytes()
            if blob in seen:
                continue
            seen.add(blob)
            if not may_sign(signer.kind, self.login):
                self.unusable.append(f"{name} (PubkeyAcceptedAlgorithms does not allow it)")
            elif 0 < rsa_bits(blob) < self.login.required_rsa_size:
                self.unusable.append(f"{name} (shorter than RequiredRSASize)")
            elif since := _too_new(signer.kind, remote_version):
                self.unusable.append(f"{name} ({since})")
            else:
                yield self._with_key(name, signer)
        if (password := self.login.password) is not None:
            answers = self.answers
            yield Attempt(
                "the password",
                PASSWORD,
                lambda transport: transport.auth_password(
                    self.user, password.reveal(), fallback=False
                ),
            )
            yield Attempt(
                "the password",
                INTERACTIVE,
                lambda transport: transport.auth_interactive(self.user, answers),
            )

    def _with_key(self, name: str, signer: Signer) -> Attempt:
        return Attempt(
            name, PUBLICKEY, lambda transport: transport.auth_publickey(self.user, signer), signer
        )

    def _signers(self) -> Iterator[tuple[str, Signer]]:
        """Yield keys and certificates in order, some of them twice.

        Named keys come first. ssh asks the agent before, where the server counts the attempts.
        """
        files = [*self.login.keys, *self.login.identity_files]
        defaults = {str(keys.expanded(path)) for path in DEFAULT_FILES}
        named = [
            path
            for path in dict.fromkeys(files)
            if path.lower() != "none" and str(keys.expanded(path)) not in defaults
        ]
        chosen = [path for path in files if str(keys.expanded(path)) in defaults]
        if not files:
            chosen = list(DEFAULT_FILES)
        yield from self._certified(named + chosen)
        for path in named:
            yield from self._of_file(path, named=True)
        if not self.login.identities_only:
            for name, _, signer in self.agent.signers():
                yield name, signer
        for path in chosen:
            if keys.exists(path):
                yield from self._of_file(path, named=path in self.login.keys)

    def _certified(self, paths: list[str]) -> Iterator[tuple[str, Signer]]:
        """Yield the certificates of CertificateFile, with the keys that they are for."""
        for path in self.login.certificate_files:
            blob = keys.user_certificate(path)
            found = certificate(blob) if blob else None
            if not blob or not found:
                self.unusable.append(f"{path} (is not a user certificate)")
                continue
            key = found.key.blob
            of_file = (one for one in paths if keys.public_blob(one) == key)
            signer = self._agents(key) or next(
                (signer for one in of_file if (signer := self._private(one))), None
            )
            if signer:
                yield path, Signer(signer.key, blob)
            else:
                self.unusable.append(f"{path} (no private key for it)")

    def _of_file(self, path: str, *, named: bool) -> Iterator[tuple[str, Signer]]:
        """Yield the certificate beside a key file, and the key."""
        blob = keys.public_blob(path)
        if not keys.exists(path) and not blob:
            if named:
                self.unusable.append(f"{path} (does not exist)")
            return
        signer = self._agents(blob) if self._needs_agent(path) else None
        if signer is None and keys.is_public(path):
            self.unusable.append(
                f"{path} (is a public key, and ssh-agent does not have its private key: name the "
                "private key, or ssh-add it)"
            )
            return
        signer = signer or self._private(path, blob)
        if signer is None:
            return
        beside = None if self.login.certificate_files else keys.user_certificate(f"{path}-cert.pub")
        if beside:
            yield f"{path}-cert.pub", Signer(signer.key, beside)
        yield path, signer

    def _needs_agent(self, path: str) -> bool:
        return not keys.exists(path) or keys.is_public(path) or keys.is_encrypted(path)

    def _agents(self, blob: bytes | None) -> Signer | None:
        """Return the agent's signer for a public key."""
        found = (signer for _, one, signer in self.agent.signers() if one == blob)
        return next(found, None)

    def _private(self, path: str, blob: bytes | None = None) -> Signer | None:
        """Return the key of a file, or the agent's; None, with a note, if neither can be used."""
        try:
            return Signer(keys.private_key(path, self.passphrase))
        except UnusableKeyError as error:
            if signer := self._agents(blob) if blob else None:
                return signer
            self.unusable.append(f"{path} ({error})")
            return None


def _too_new(kind: str, remote_version: str) -> str:
    """Return why a server cannot take a type of keys, "" if it can."""
    version = re.search(r"OpenSSH_(\d+)\.(\d+)", remote_version)
    if not version:
        return ""
    number = int(version[1]), int(version[2])
    kinds = "RSA keys only" if number < SINCE["ecdsa"] else "no such keys"
    for start, since in SINCE.items():
        if plain_kind(kind).startswith(start) and number < since:
            return f"OpenSSH {version[1]}.{version[2]} takes {kinds}"
    return ""
