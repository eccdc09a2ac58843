"""How ssh reaches a host: `ssh -G` is asked, and its answer becomes a Login.

`ssh -G` runs the commands of `Match exec` in the user's configuration, as every ssh does. It opens
no connection.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from fabfile.model.errors import InventoryError
from fabfile.ssh import options, tokens
from fabfile.ssh.files import Prepared, passwd_home
from fabfile.ssh.login import Login

ASK_SECONDS = 60
"""Timeout of `ssh -G`, which may run commands and look up names, in seconds."""
LISTS = {
    "host_key_algorithms": ("hostkeyalgorithms",),
    "kex_algorithms": ("kexalgorithms",),
    "ciphers": ("ciphers",),
    "macs": ("macs",),
    "pubkey_algorithms": ("pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes"),
    "ca_signature_algorithms": ("casignaturealgorithms",),
}
"""Lists of algorithms: fields of Login, with the names of the option in versions of ssh."""
KEY = '-oIdentityFile="'
CONFIG = "ssh's configuration"
YES = ("yes", "true")
NO = ("no", "false")
KNOWN_HOSTS = ("userknownhostsfile", "globalknownhostsfile")


class SshConfig:
    """What ssh says about hosts. Each question is asked once; threads may ask at the same time."""

    def __init__(self, file: str | None = None) -> None:
        """`file` takes the place of the user's and the system's configuration (`ssh -F`)."""
        self.file = file
        self._answers: dict[tuple[str, ...], Future[options.Settings]] = {}
        self._lock = threading.Lock()

    @cached_property
    def prepared(self) -> Prepared:
        """The configuration files."""
        return Prepared(self.file)

    @cached_property
    def _default_answer(self) -> Future[options.Settings]:
        """What ssh says without any configuration. It is asked while the hosts are."""
        return ThreadPoolExecutor(1, "ssh -G").submit(
            lambda: _parsed(self._run(("-F", "/dev/null", "--", "localhost"), Login("", "")))
        )

    @property
    def _default(self) -> options.Settings:
        return self._default_answer.result()

    def login(
        self, login: Login, arguments: tuple[str, ...] = (), first: tuple[str, ...] = ()
    ) -> Login:
        """Return a login as ssh makes it for `login.host`, with ssh arguments in front.

        Port, keys and user in `login` stand between `first` and `arguments`, as Ansible passes
        them. Raises InventoryError for what ssh refuses and for what mailfab cannot honour.
        """
        if not arguments and not first and not self.prepared.matters:
            return login
        if not shutil.which("ssh"):
            given = "ansible_ssh_args" if first else ""
            given = "ansible_ssh_common_args" if arguments else given
            where = given or f"{self.prepared.user} or the like"
            raise InventoryError(
                f"{where} has settings, and ssh, which has to read them, is not installed here",
                "install OpenSSH's client (package openssh-client or openssh-clients)",
                host=login.name,
            )
        self._default_answer  # noqa: B018  # begins here
        words = [*first]
        if login.port:
            words += ["-p", str(login.port)]
        for key in login.keys:
            # Ansible writes it so; ssh takes it in quotes, with its own tokens.
            words.append(f'{KEY}{key.replace("%", "%%")}"')
        if login.user:
            words += ["-l", login.user]
        return self._resolved(login, (*words, *arguments))

    def _resolved(self, login: Login, arguments: tuple[str, ...], depth: int = 0) -> Login:
        settings = self._ask(arguments, login)
        if found := options.refused(settings, self._default):
            message, remedy = found
            raise InventoryError(
                f"{_origin(arguments, message.split()[0])}: {message}", remedy, host=login.name
            )
        try:
            result = self._filled(login, settings)
        except (tokens.UnknownToken, ValueError) as error:
            raise InventoryError(
                f"{_origin(arguments)}: {error}", "correct it: ssh refuses it too", host=login.name
            ) from None
        if jumps := settings.get("proxyjump"):
            if depth > MAX_JUMPS:
                raise InventoryError(
                    f"ProxyJump of {login.host} goes round in a circle, or has more than "
                    f"{MAX_JUMPS} hops",
                    "write `ProxyJump none` for the jump host",
                    host=login.name,
                )
            return replace(result, gateway=self._gateway(login, arguments, jumps[0], depth))
        return result

    def _gateway(self, login: Login, arguments: tuple[str, ...], jumps: str, depth: int) -> Login:
        """Return the login on the last jump host, as the ssh that ssh itself starts makes it.

        That ssh gets the other jump hosts and -F, and no other option. Beyond ssh, the key of
        `ansible_ssh_private_key_file` is tried there too, and the files of `ssh_known_hosts` count.
        """
        others, _, hop = jumps.rpartition(",")
        user, host, port = split_name(hop.removeprefix("ssh://").rstrip("/"))
        words: list[str] = []
        if user:
            words += ["-l", user]
        if port:
            words += ["-p", str(port)]
        if others:
            words += ["-J", others]
        for option, value in pairwise(arguments):
            if option == "-F":
                words = ["-F", value, *words]
        return self._resolved(replace(login.jump(hop), host=host), tuple(words), depth + 1)

    def _ask(self, arguments: tuple[str, ...], login: Login) -> options.Settings:
        words = tuple(self.prepared.at_home(word) for word in arguments)
        if "-F" not in words:
            words = (*self.prepared.words, *words)
        question = (*words, "--", login.host)
        with self._lock:
            first = question not in self._answers
            answer = self._answers.setdefault(question, Future())
        if first:
            try:
                answer.set_result(_parsed(self._run(question, login)))
            except BaseException as error:  # noqa: BLE001
                answer.set_exception(error)
        return answer.result()

    def _run(self, words: tuple[str, ...], login: Login) -> str:
        try:
            run = subprocess.run(
                ["ssh", "-G", *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="surrogateescape",
                timeout=ASK_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InventoryError(
                f"{_origin(words)}: ssh -G has printed nothing for {ASK_SECONDS} seconds",
                "look at the commands of Match exec, and at the name servers",
                host=login.name,
            ) from None
        if run.returncode == 0:
            return run.stdout
        said = [
            re.sub(r"[\x00-\x1f\x7f\udc80-\udcff]", "?", line.strip())
            for line in self.prepared.original_names(run.stderr).splitlines()
            if line.strip() and not line.startswith(("Pseudo-terminal", "Warning:", "usage:"))
        ]
        in_file = any(re.search(r"line \d", line) for line in said)
        origin = _origin(words) if "command-line" in " ".join(said) or not in_file else CONFIG
        raise InventoryError(
            f"{origin}: ssh refuses it: {'; '.join(said)[:500] or 'without a message'}",
            f"correct it until this works: {self._command(words)}",
            host=login.name,
        )

    def _command(self, words: tuple[str, ...]) -> str:
        """Return the command that asks the same, with the user's own file for a temporary one."""
        generated = self.prepared.words[1:] if self.prepared.moved and not self.file else ()
        shown = [str(self.prepared.user) if word in generated else word for word in words]
        return shlex.join(["ssh", "-G", *shown])

    def _filled(self, login: Login, settings: options.Settings) -> Login:
        """Return a login with ssh's settings. Raises UnknownToken, and ValueError for no number."""

        def one(name: str, default: str = "") -> str:
            return settings.get(name, (default,))[0]

        host, port, user = one("hostname", login.host), int(one("port", "22")), one("user")
        alias = one("hostkeyalias")
        known = tokens.values(login.host, host, port, user, alias, one("proxyjump"))
        proxy = one("proxycommand", "none")
        agent = one("identityagent", "SSH_AUTH_SOCK")
        timeout = one("connecttimeout", "none")
        lists: dict[str, Any] = {
            field: self._algorithms(names, settings) for field, names in LISTS.items()
        }
        result = replace(
            login,
            host=host,
            port=port,
            user=user,
            identity_files=tuple(tokens.expand(f, known) for f in settings.get("identityfile", ())),
            certificate_files=tuple(
                tokens.expand(f, known) for f in settings.get("certificatefile", ())
            ),
            identities_only=one("identitiesonly") in YES,
            identity_agent=None if agent == "SSH_AUTH_SOCK" else tokens.expand(agent, known),
            known_hosts_files=_known_hosts(settings),
            host_key_alias=alias or None,
            strict_host_key_checking=one("stricthostkeychecking", "ask"),
            required_rsa_size=int(one("requiredrsasize", "1024")),
            proxy_command=(
                None if proxy == "none" else tokens.expand(proxy, known, environment=False)
            ),
            connect_timeout=int(timeout) if timeout.isdigit() and int(timeout) else None,
            connection_attempts=int(one("connectionattempts", "1")),
            address_family=one("addressfamily", "any"),
            bind_address=one("bindaddress") or None,
            forward_agent=one("forwardagent", "no") not in NO,
            **lists,
        )
        return _methods(result, settings)

    def _algorithms(self, names: tuple[str, ...], settings: options.Settings) -> tuple[str, ...]:
        """Return a list of algorithms, empty if it is ssh's default."""
        for name in names:
            if name in settings and settings[name] != self._default.get(name):
                return tuple(settings[name][0].split(","))
        return ()


MAX_JUMPS = 10
"""Limit of jump hosts in a row. A configuration can send each through another for ever."""


def _methods(login: Login, settings: options.Settings) -> Login:
    """Return a login without the keys or the password that ssh's configuration forbids."""

    def allowed(method: str, *names: str) -> bool:
        preferred = settings.get("preferredauthentications")
        if preferred and method not in preferred[0].split(","):
            return False
        return not any(settings.get(name, ("yes",))[0] in NO for name in names)

    if not allowed("publickey", "pubkeyauthentication"):
        login = replace(
            login,
            keys=(),
            identity_files=("none",),
            certificate_files=(),
            identity_agent="none",
        )
    interactive = allowed(
        "keyboard-interactive", "kbdinteractiveauthentication", "challengeresponseauthentication"
    )
    if not allowed("password", "passwordauthentication") and not interactive:
        login = replace(login, password=None)
    return login


def _known_hosts(settings: options.Settings) -> tuple[str, ...]:
    """Return the known_hosts files, the user's first; the default ones below `~`."""
    default = f"{passwd_home()}/.ssh/known_hosts"
    files: list[str] = []
    for name in KNOWN_HOSTS:
        for file in " ".join(settings.get(name, ())).split():
            if file.lower() != "none":
                is_default = file in (default, f"{default}2")
                files.append(f"~/.ssh/{file.rpartition('/')[2]}" if is_default else file)
    return tuple(files)


def _parsed(text: str) -> options.Settings:
    """Return what `ssh -G` prints, by lower-case name."""
    settings: dict[str, list[str]] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(" ")
        if name:
            settings.setdefault(name.lower(), []).append(value)
    return {name: tuple(values) for name, values in settings.items()}


def _origin(arguments: tuple[str, ...], option: str = "") -> str:
    """Return where a setting stands, for messages."""
    options_given = [w for w in arguments if w.startswith("-") and not w.startswith(KEY)]
    given = " ".join(arguments).lower()
    if set(options_given) - {"-F", "-l", "-p", "--"} and option.lower() in given:
        return "ansible_ssh_common_args or the like"
    return CONFIG


def split_name(text: str) -> tuple[str | None, str, int | None]:
    """Return user, host and port of `[USER@]HOST[:PORT]`; an IPv6 address may be in brackets."""
    user, _, where = text.rpartition("@")
    if found := re.fullmatch(r"\[([^\]]+)\](?::(\d+))?|([^:]+)(?::(\d+))?", where):
        port = found[2] or found[4]
        return user or None, found[1] or found[3], int(port) if port else None
    return user or None, where, None
