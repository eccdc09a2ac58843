"""accounts.yml: accounts as a file, written by `accounts.export` and read back exactly.

    domains: [example.com]
    users:
      sales@example.com: {password: $6$…}     a hash, never a password
      info@example.com: {}                    keeps the password that it has; a new user has none
      old@example.com: {disabled: true, quota: 2G}
    forwardings:
      "@example.com": [sales@example.com]
    transports:
      example.net: smtp:[mx.example.net]

Only the form is checked here: the rules for names are in `tasks.accounts.difference`, which
lets pass what is on the host already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabfile.model.errors import UsageError
from tasks.accounts import hashes, quotas
from tasks.accounts.state import Accounts

PARTS = ("domains", "users", "forwardings", "transports")
ATTRIBUTES = ("password", "disabled", "quota")


@dataclass(frozen=True)
class DeclaredUser:
    """A user of a file. Without a hash it keeps its present one."""

    password: str | None
    disabled: bool = False
    quota: str = "0"

    def stored(self, present: str | None) -> str:
        """Return the value for the database, given the present one."""
        kept = hashes.NONE if present is None else hashes.enabled(present)
        found = kept if self.password is None else self.password
        return f"{hashes.DISABLED}{found}" if self.disabled else found


@dataclass(frozen=True)
class Declared:
    """The accounts that a file declares."""

    domains: list[str]
    users: dict[str, DeclaredUser]
    forwardings: dict[str, tuple[str, ...]]
    transports: dict[str, str]


def text(accounts: Accounts, *, with_hashes: bool) -> str:
    """Return accounts as a file; without hashes it says nothing about passwords."""
    users = {
        user: _user(stored, accounts.quotas.get(user, 0), with_hashes)
        for user, stored in sorted(accounts.users.items())
    }
    forwardings = {source: list(to) for source, to in sorted(accounts.forwardings.items())}
    # A line for each thing.
    return (
        _dumped("domains", sorted(accounts.domains), flow=False)
        + _dumped("users", users, flow=None)
        + _dumped("forwardings", forwardings, flow=None)
        + _dumped("transports", dict(sorted(accounts.transports.items())), flow=False)
    )


def _dumped(name: str, found: object, *, flow: bool | None) -> str:
    import yaml

    if not found:
        return ""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(
        yaml.dump(
            {name: found}, None, dumper, sort_keys=False, width=10_000_000, default_flow_style=flow
        )
    )


def _user(stored: str, quota: int, with_hashes: bool) -> dict[str, object]:
    found: dict[str, object] = {}
    if with_hashes:
        found["password"] = hashes.enabled(stored)
    if hashes.is_disabled(stored):
        found["disabled"] = True
    if quota:
        found["quota"] = quotas.written(quota)
    return found


def read(path: Path) -> Declared:
    """Return the accounts of a file. Raises UsageError with the line that cannot be read."""
    import yaml

    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}",
            "write one (docs/accounts.md), or begin with what there is: accounts.export",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {error}", "fix it and run again") from None
    return _Form(path).declared({} if found is None else found)


def _loader() -> Any:
    """Return a loader that refuses duplicate names. PyYAML's keeps only the last."""
    import yaml

    class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} stands twice", key.start_mark
                    )
                seen.add(str(key.value))
            return super().construct_mapping(node, deep)

    return _Loader


class _Form:
    """The form of a file: which values may stand where."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def declared(self, found: object) -> Declared:
        whole = self._mapping("the file", found, PARTS)
        users = self._mapping("users", whole.get("users"))
        forwardings = self._mapping("forwardings", whole.get("forwardings"))
        transports = self._mapping("transports", whole.get("transports"))
        return Declared(
            list(self._strings("domains", whole.get("domains") or [])),
            {user: self._user(user, value) for user, value in users.items()},
            {name: self._strings(name, to) for name, to in forwardings.items()},
            {name: self._string(name, to) for name, to in transports.items()},
        )

    def _user(self, user: str, value: object) -> DeclaredUser:
        found = self._mapping(user, value, ATTRIBUTES)
        password, disabled = found.get("password"), found.get("disabled", False)
        if not isinstance(disabled, bool):
            self._refuse(user, "disabled", "true or false")
        if password is not None:
            password = self._string(f"{user}: password", password)
        # YAML takes 500 for a number, and 500M for text.
        return DeclaredUser(password, disabled is True, str(found.get("quota", 0)))

    def _mapping(
        self, where: str, value: object, known: tuple[str, ...] = ()
    ) -> Mapping[str, object]:
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            self._refuse(where, "what is there", "names, each with a colon")
        assert isinstance(value, dict)
        for key in value:
            if known and key not in known:
                self._refuse(where, repr(key), f"one of {', '.join(known)}")
        return value

    def _strings(self, where: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            self._refuse(where, "what is there", "a list: [a@example.com, b@example.com]")
        assert isinstance(value, list)
        return tuple(value)

    def _string(self, where: str, value: object) -> str:
        # The value may be a password.
        if not isinstance(value, str):
            self._refuse(where, "what is there", "text, in quotes where YAML takes it for more")
        return str(value)

    def _refuse(self, where: str, what: str, wanted: str) -> None:
        raise UsageError(f"{self.path}: {where}: {what} should be {wanted}", "docs/accounts.md")
