"""Keys and certificates: ssh and mailfab log in and refuse alike, with a real sshd and agent."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fabric import Config

from fabfile.model.errors import UnreachableError
from fabfile.ssh.authentication import Keyring
from fabfile.ssh.connection import Connection
from fabfile.ssh.keys import UnusableKeyError, expanded, private_key
from fabfile.ssh.login import Login
from fabfile.ssh.transport import SIMPLE
from tests.ssh.sshd import (
    Sshd,
    add_to_agent,
    keygen,
    make_key,
    needs_sshd,
    public,
    run_agent,
    run_sshd,
)

OK = ""
PASSPHRASE = "correct horse"


@dataclass(frozen=True)
class Case:
    """Options of ssh, and what ssh and mailfab do with them. {k} is the folder of the keys."""

    name: str
    outcome: str
    """OK, or a part of mailfab's message."""
    identities: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    only: bool = False
    agent: str = ""
    """The agent: `full` has keys, `other` one that the server does not know, or a path."""


CASES = [
    Case("key file", OK, ("{k}/good",)),
    Case("RSA key file", OK, ("{k}/rsa",)),
    Case("ECDSA key file", OK, ("{k}/ecdsa",)),
    Case("PEM key file", OK, ("{k}/pem",)),
    Case("unknown key", "rejected these keys: {k}/other", ("{k}/other",)),
    Case("missing file", "{k}/missing (does not exist)", ("{k}/missing",)),
    Case("missing file before a good one", OK, ("{k}/missing", "{k}/good")),
    Case("folder before a good one", OK, ("{k}", "{k}/good")),
    Case("broken file before a good one", OK, ("{k}/broken", "{k}/good")),
    Case("empty file before a good one", OK, ("{k}/empty", "{k}/good")),
    Case("file cut off before a good one", OK, ("{k}/cut", "{k}/good")),
    Case("broken file", "{k}/broken (cannot be read: ", ("{k}/broken",)),
    Case("none", "no key and no password", ("none",)),
    Case("none beside a key", OK, ("none", "{k}/good")),
    Case("mode 0644", "(mode 0644), so ssh and mailfab ignore it: chmod 600", ("{k}/open",)),
    Case("mode 0640", "(mode 0640)", ("{k}/group",)),
    Case("mode 0400", OK, ("{k}/readonly",)),
    Case("unknown key before a good one", OK, ("{k}/other", "{k}/good")),
    Case("passphrase, no agent", "{k}/locked (has a passphrase, and ssh-agent", ("{k}/locked",)),
    Case("passphrase before a good one", OK, ("{k}/locked", "{k}/good")),
    Case("passphrase, in the agent", OK, ("{k}/locked",), agent="full"),
    Case("passphrase, in the agent, only", OK, ("{k}/locked",), only=True, agent="full"),
    Case("passphrase, agent without it", "has a passphrase", ("{k}/locked",), agent="other"),
    Case("PEM with a passphrase", "{k}/lockedpem (has a passphrase", ("{k}/lockedpem",)),
    Case("PEM with a passphrase, in the agent", OK, ("{k}/lockedpem",), only=True, agent="full"),
    Case("public file of the agent's key", OK, ("{k}/gone.pub",), only=True, agent="full"),
    Case("name of the public file alone", OK, ("{k}/gone",), only=True, agent="full"),
    Case("public file, no agent", "is a public key, and ssh-agent does not", ("{k}/gone.pub",)),
    Case("public file, agent without it", "public key", ("{k}/gone.pub",), agent="other"),
    Case("public file selects among the keys", OK, ("{k}/good.pub",), only=True, agent="full"),
    Case("too open mode, in the agent", OK, ("{k}/open",), only=True, agent="full"),
    Case("agent's key without IdentityFile", OK, (), agent="full"),
    Case("agent's key after a bad file", OK, ("{k}/other",), agent="full"),
    Case("agent's key after a missing file", OK, ("{k}/missing",), agent="full"),
    Case("agent's key with IdentitiesOnly", "rejected", ("{k}/other",), only=True, agent="full"),
    Case("file beside an agent", OK, ("{k}/good",), agent="other"),
    Case("agent that is not there", OK, ("{k}/good",), agent="{k}/no-such.sock"),
    Case("agent that is no agent", OK, ("{k}/good",), agent="{k}/empty"),
    Case("no agent", "no key and no password could be tried", (), agent="none"),
    Case("certificate beside the key", OK, ("{k}/certified",)),
    Case("RSA certificate beside the key", OK, ("{k}/certrsa",)),
    Case("certificate file", OK, ("{k}/plain",), ("{k}/apart-cert.pub",)),
    Case(
        "certificate file, key in the agent",
        OK,
        ("{k}/plain.pub",),
        ("{k}/apart-cert.pub",),
        agent="plain",
    ),
    Case("certificate file, only the agent", OK, (), ("{k}/apart-cert.pub",), agent="plain"),
    Case("certificate in the agent", OK, (), agent="certified"),
    Case("RSA certificate in the agent", OK, (), agent="certrsa"),
    Case("certificate file without a key", "(no private key for it)", (), ("{k}/apart-cert.pub",)),
    Case("certificate file missing", OK, ("{k}/good",), ("{k}/missing-cert.pub",)),
    Case("certificate for another user", "rejected these keys", ("{k}/stranger",)),
    Case("expired certificate", "rejected these keys", ("{k}/expired",)),
    Case("expired certificate, known key", OK, ("{k}/knownexpired",)),
    Case("host certificate beside the key", OK, ("{k}/hostcert",)),
    Case("broken certificate beside the key", OK, ("{k}/brokencert",)),
    Case("key of a security key before a good one", OK, ("{k}/sk", "{k}/good")),
    Case("key with a cipher that is not known", "cannot be read", ("{k}/cipher",)),
    Case("DSA key before a good one", OK, ("{k}/dsa", "{k}/good")),
    Case("key that the certificate is not for", OK, ("{k}/good",), ("{k}/apart-cert.pub",)),
]


@dataclass
class Lab:
    """A server, its keys and agents."""

    server: Sshd
    folder: Path
    known: Path
    agents: dict[str, str]

    def login(self, case: Case) -> Login:
        """Return the login of a case."""
        agent = self.agents.get(case.agent, case.agent or "none").format(k=self.folder)
        return Login(
            "mail1",
            "127.0.0.1",
            self.server.user,
            self.server.port,
            known_hosts_files=(str(self.known),),
            identity_files=tuple(one.format(k=self.folder) for one in case.identities)
            or (f"{self.folder}/missing",),
            certificate_files=tuple(one.format(k=self.folder) for one in case.certificates),
            identities_only=case.only,
            identity_agent=agent,
        )

    def ssh(self, login: Login) -> bool:
        """Return whether the real ssh logs in."""
        return self.server.ssh(
            f"UserKnownHostsFile={self.known}",
            f"IdentityAgent={login.identity_agent}",
            f"IdentitiesOnly={'yes' if login.identities_only else 'no'}",
            *(f"IdentityFile={one}" for one in login.identity_files),
            *(f"CertificateFile={one}" for one in login.certificate_files),
        )


def make_keys(folder: Path) -> None:
    """Make keys of all kinds. The server knows some of them, and an authority."""
    for name in ("host", "good", "other", "ca", "gone", "plain", "certified", "stranger"):
        make_key(folder / name)
    for name in ("expired", "knownexpired", "hostcert"):
        make_key(folder / name)
    make_key(folder / "rsa", "rsa")
    make_key(folder / "certrsa", "rsa")
    make_key(folder / "ecdsa", "ecdsa")
    make_key(folder / "pem", "rsa", "", "-m", "PEM")
    make_key(folder / "locked", "ed25519", PASSPHRASE)
    make_key(folder / "lockedpem", "rsa", PASSPHRASE, "-m", "PEM")
    sign = ("-s", folder / "ca", "-I", "test")
    for name in ("certified", "certrsa"):
        keygen(*sign, "-n", "root", folder / f"{name}.pub")
    keygen(*sign, "-n", "root", folder / "plain.pub")
    (folder / "plain-cert.pub").rename(folder / "apart-cert.pub")
    keygen(*sign, "-n", "nobody", folder / "stranger.pub")
    for name in ("expired", "knownexpired"):
        keygen(*sign, "-n", "root", "-V", "20000101:20010101", folder / f"{name}.pub")
    keygen(*sign, "-h", "-n", "root", folder / "hostcert.pub")
    for name, mode in (("open", 0o644), ("group", 0o640), ("readonly", 0o400)):
        make_key(folder / name)
        (folder / name).chmod(mode)
    make_key(folder / "brokencert")
    (folder / "brokencert-cert.pub").write_text("ssh-ed25519-cert-v01@openssh.com AAAA\n")
    good = (folder / "good").read_text()
    armour = good.splitlines()
    data = base64.b64decode("".join(armour[1:-1]))
    odd = {
        "sk": data.replace(b"\x00\x0bssh-ed25519", b"\x00\x1ask-ssh-ed25519@openssh.com"),
        "cipher": data.replace(b"\x04none\x00\x00\x00\x04none", b"\x04xxxx\x00\x00\x00\x04none"),
        "dsa": data.replace(b"\x0bssh-ed25519", b"\x07ssh-dss"),
    }
    for name, content in odd.items():
        text = base64.encodebytes(content).decode()
        (folder / name).write_text(f"{armour[0]}\n{text}{armour[-1]}\n")
        (folder / name).chmod(0o600)
    for name, text in (("broken", "not a key\n"), ("empty", ""), ("cut", good[:200])):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    known: tuple[str, ...] = (
        "good",
        "gone",
        "rsa",
        "ecdsa",
        "pem",
        "locked",
        "lockedpem",
        "open",
        "group",
    )
    known += ("brokencert", "readonly", "knownexpired", "hostcert")
    (folder / "authorized").write_text("".join(f"{public(folder / k)}\n" for k in known))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    make_keys(folder)
    contents = {
        "full": ("gone", "open", "good"),
        "other": ("other",),
        "plain": ("plain",),
        "certified": ("certified",),
        "certrsa": ("certrsa",),
    }
    with ExitStack() as stack:
        agents = {}
        (folder / "open").chmod(0o600)
        for name, keys in contents.items():
            place = folder / f"agent-{name}"
            place.mkdir()
            agents[name] = stack.enter_context(run_agent(place, *(folder / key for key in keys)))
        (folder / "open").chmod(0o644)
        for key in ("locked", "lockedpem"):
            add_to_agent(agents["full"], folder / key, PASSPHRASE)
        (folder / "gone").unlink()
        server = stack.enter_context(
            run_sshd(
                folder,
                [folder / "host"],
                f"AuthorizedKeysFile {folder}/authorized",
                f"TrustedUserCAKeys {folder}/ca.pub",
                "MaxAuthTries 20",
            )
        )
        known = folder / "known_hosts"
        known.write_text(f"{server.name} {public(folder / 'host')}\n")
        yield Lab(server, folder, known, agents)


def outcome(login: Login, passphrase: str | None = None) -> str:
    """Return mailfab's message; "" if it logs in."""
    config = Config(overrides={"connect_kwargs": {"passphrase": passphrase}} if passphrase else {})
    with Connection(login, config) as connection:
        try:
            connection.open()
        except UnreachableError as error:
            return str(error)
    return OK


@needs_sshd
@pytest.mark.parametrize("simple", ["", "1"], ids=["fast", "simple"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mailfab_logs_in_and_refuses_as_ssh_does(
    lab: Lab, case: Case, simple: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SIMPLE, simple)
    login = lab.login(case)
    found = outcome(login)
    assert bool(found) is bool(case.outcome), found
    assert case.outcome.format(k=lab.folder) in found
    assert simple or lab.ssh(login) is (case.outcome == OK)


@needs_sshd
def test_passphrase_opens_the_key_and_a_wrong_one_is_named(lab: Lab) -> None:
    for name in ("locked", "lockedpem"):
        login = replace(lab.login(Case("", OK)), keys=(f"{lab.folder}/{name}",))
        assert outcome(login, PASSPHRASE) == OK
        found = outcome(login, "wrong")
        assert f"{name} (has another passphrase than the one given" in found
        assert f"ssh-keygen -yf {lab.folder}/{name}" in found


@needs_sshd
def test_agent_is_not_asked_where_a_file_lets_us_in(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("fabfile.ssh.authentication.Agent", asked)
    assert outcome(lab.login(Case("", OK, ("{k}/good",), agent="full"))) == OK


@pytest.fixture
def home(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with two default keys, one of them with a passphrase, and no agent."""
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    shutil.copy(keys / "rsa", ssh / "id_rsa")
    make_key(ssh / "id_ed25519", "ed25519", "secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def names(keyring: Keyring, version: str = "") -> list[str]:
    """Return the names of all ways to log in, in their order."""
    return [attempt.name for attempt in keyring.attempts(version)]


def test_without_named_keys_the_default_ones_are_tried(home: Path) -> None:
    keyring = Keyring(Login("", "", "root"))
    assert names(keyring) == ["~/.ssh/id_rsa"]
    assert keyring.unusable[0].startswith("~/.ssh/id_ed25519 (has a passphrase")
    opened = Keyring(Login("", "", "root"), "secret")
    assert names(opened) == ["~/.ssh/id_rsa", "~/.ssh/id_ed25519"]


def test_named_keys_are_tried_without_the_default_ones(home: Path, keys: Path) -> None:
    named = (str(keys / "ed25519"), str(keys / "rsa"))
    assert names(Keyring(Login("", "", keys=named))) == list(named)


@pytest.mark.parametrize(
    ("version", "tried", "why"),
    [
        ("SSH-2.0-OpenSSH_5.3", ["rsa"], "OpenSSH 5.3 takes RSA keys only"),
        ("SSH-2.0-OpenSSH_6.4", ["rsa"], "OpenSSH 6.4 takes no such keys"),
        ("SSH-2.0-OpenSSH_6.6.1", ["ed25519", "rsa"], ""),
        ("SSH-2.0-dropbear_2022.83", ["ed25519", "rsa"], ""),
    ],
)
def test_key_that_an_old_server_cannot_take_is_not_tried(
    keys: Path, version: str, tried: list[str], why: str
) -> None:
    named = (str(keys / "ed25519"), str(keys / "rsa"))
    keyring = Keyring(Login("", "", keys=named, identities_only=True))
    assert [Path(name).name for name in names(keyring, version)] == tried
    assert why in "".join(keyring.unusable)
    assert bool(why) is bool(keyring.unusable)


def test_unusable_private_key_is_named(tmp_path: Path, home: Path) -> None:
    with pytest.raises(UnusableKeyError, match="No such file"):
        private_key("/no/such")
    with pytest.raises(UnusableKeyError, match=r"has a passphrase.*ssh-add ~/.ssh/id_ed25519"):
        private_key("~/.ssh/id_ed25519")


@pytest.mark.parametrize("name", ["rsa", "ed25519"])
def test_damaged_key_file_is_an_unusable_key(tmp_path: Path, keys: Path, name: str) -> None:
    good = (keys / name).read_bytes()
    chance = random.Random(name)
    for number in range(300):
        damaged = bytearray(good)
        for _ in range(chance.choice((1, 3, 40))):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.choice((0, 1, 20))] = chance.choice(
                (b"", b"\n", b"A", b"\xff", chance.randbytes(4))
            )
        file = tmp_path / str(number)
        file.write_bytes(damaged)
        file.chmod(0o600)
        with suppress(UnusableKeyError):
            private_key(str(file))
        list(Keyring(Login("", "", keys=(str(file),), identity_agent="none")).attempts())


def test_home_of_an_unknown_user_stays_unexpanded(home: Path) -> None:
    assert expanded("~/k") == home / "k"
    assert expanded("~no-such-user/k") == Path("~no-such-user/k")
