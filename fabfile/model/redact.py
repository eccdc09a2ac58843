"""Secrets: the type that holds one, and the redaction of text that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

REDACTED = "••••••"


@dataclass(frozen=True)
class SecretValue:
    """A value that must not be shown. Its text is dots.

    Call `reveal` only where the value is quoted into a script, a file's content or a request.
    """

    _value: str

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return REDACTED


# A password setting in a file that we write. Its old value may be unknown, with spaces and
# quotes, so the rest of the line is hidden.
SETTING = re.compile(r"(pass(?:word|wd)?[ \t]*=[ \t]*)\S.*", re.IGNORECASE)

NAME = re.compile(r"pass(word|wd|phrase)?$|_pass_|secret")
"""The names of variables that hold secrets."""

# Hashes of passwords: MySQL's, and those of crypt(5). A program may repeat them in its error
# message.
HASH = re.compile(r"\*[0-9A-F]{40}\b|\$\d[a-z]?\$[./0-9A-Za-z$=,]{20,}")


def is_secret(name: str) -> bool:
    """Return whether the name of a variable marks it as a secret."""
    return NAME.search(name) is not None


def redact(text: str, secrets: Iterable[SecretValue]) -> str:
    """Return the text with dots for every secret, value of a password setting, and hash."""
    for value in sorted((secret.reveal() for secret in secrets if secret), key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return HASH.sub(REDACTED, SETTING.sub(rf"\1{REDACTED}", text))
