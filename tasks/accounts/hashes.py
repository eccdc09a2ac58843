"""Password hashes: made and assessed as Dovecot's default scheme CRYPT reads them.

Two marks are much like those of shadow(5). `*` is a user that has no password yet. `$!` in front of
a hash disables a login without forgetting its password; mail goes on being delivered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from fabfile.model.errors import UsageError
from tasks.resources.password_hashes import SCHEMES

ROUNDS = 50_000
"""Of SHA512-CRYPT: about 30 ms for each login."""
COST = 12
"""Of BLF-CRYPT, as a power of two: about 200 ms for each login."""
BLF_CRYPT, SHA512_CRYPT = "BLF-CRYPT", "SHA512-CRYPT"
LONGEST_BLF = 72
"""Bytes; what follows them BLF-CRYPT would ignore."""
NONE = "*"
# Not `!` alone: without a dollar Dovecot 2.4 takes it for DES, and answers that it has a problem.
DISABLED = "$!"
B64 = "[./0-9A-Za-z]"

# As crypt(5) writes them. The guide's narrow column cuts hashes short; a login then always fails.
WHOLE = {
    "$6$": ("SHA512-CRYPT", rf"\$6\$(rounds=\d+\$)?[^$:\n]{{0,16}}\${B64}{{86}}"),
    "$5$": ("SHA256-CRYPT", rf"\$5\$(rounds=\d+\$)?[^$:\n]{{0,16}}\${B64}{{43}}"),
    "$2": ("BLF-CRYPT", rf"\$2[abxy]\$\d\d\${B64}{{53}}"),
    "$y$": ("yescrypt", rf"\$y\${B64}+\${B64}*\${B64}{{43}}"),
    "$1$": ("MD5-CRYPT", rf"\$1\$[^$:\n]{{0,8}}\${B64}{{22}}"),
}
WEAK_CRYPT = ("MD5-CRYPT", "DES-CRYPT")
# Dovecot's own names in front of a hash, `{SSHA512}…`; a suffix such as .HEX is how it is written.
STRONG = (
    "SHA512-CRYPT|SHA256-CRYPT|BLF-CRYPT|ARGON2I|ARGON2ID|PBKDF2|SCRAM-SHA-1|SCRAM-SHA-256|SSHA512|"
    "SSHA256|SHA512|SHA256"
)
POOR = f"{SCHEMES}|PLAIN|CLEAR|CLEARTEXT|SHA|SHA1|SSHA|CRAM-MD5|HMAC-MD5|DIGEST-MD5|SKEY|RPA|OTP"


class Strength(StrEnum):
    """The strength of a stored password."""

    STRONG = "strong"
    WEAK = "weak"
    EMPTY = "empty"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Verdict:
    """The assessment of a stored password: its scheme, its strength and the reason."""

    scheme: str
    strength: Strength
    reason: str = ""


def hashed(password: str, scheme: str = SHA512_CRYPT) -> str:
    """Return a password as Dovecot's scheme CRYPT reads it, `$6$…` or `$2y$…` (crypt(5))."""
    # Not from passlib.hash: it replaces itself while it loads, which breaks in two threads.
    from passlib.handlers.bcrypt import bcrypt
    from passlib.handlers.sha2_crypt import sha512_crypt

    if scheme == SHA512_CRYPT:
        return str(sha512_crypt.using(rounds=ROUNDS).hash(password))
    if len(password.encode()) > LONGEST_BLF:
        raise UsageError(
            f"BLF-CRYPT takes passwords of up to {LONGEST_BLF} bytes, and this one is longer",
            "choose a shorter one, or password_scheme=SHA512-CRYPT in the inventory",
        )
    # 2y is the name that every crypt(3) with this scheme knows.
    return str(bcrypt.using(rounds=COST, ident="2y").hash(password))


def assess(stored: str) -> Verdict:
    """Return the assessment of a stored password; a disabled one counts as if it were enabled."""
    text = stored.removeprefix(DISABLED)
    if not text:
        return Verdict("", Strength.EMPTY, "there is no hash at all")
    if text == NONE:
        return Verdict("", Strength.UNUSABLE, "no password has been set yet")
    text = re.sub(r"^\{CRYPT\}", "", text, flags=re.IGNORECASE)
    if named := re.match(r"\{([A-Za-z0-9-]+)(?:\.[A-Za-z0-9]+)?\}", text):
        return _named(named[1].upper(), text[named.end() :])
    for start, (scheme, whole) in WHOLE.items():
        if text.startswith(start):
            if not re.fullmatch(whole, text):
                return Verdict(scheme, Strength.UNUSABLE, "the hash is not whole: it was cut short")
            return _crypt(scheme)
    if re.fullmatch(rf"{B64}{{13}}", text):
        return _crypt("DES-CRYPT")
    return Verdict("", Strength.UNUSABLE, "no scheme of crypt(3) looks like this")


def _crypt(scheme: str) -> Verdict:
    if scheme in WEAK_CRYPT:
        return Verdict(scheme, Strength.WEAK, "Dovecot 2.4 refuses it")
    return Verdict(scheme, Strength.STRONG)


def _named(scheme: str, rest: str) -> Verdict:
    if not rest:
        return Verdict(scheme, Strength.EMPTY, "there is no hash behind the scheme's name")
    if scheme in STRONG.split("|"):
        return Verdict(scheme, Strength.STRONG)
    if scheme in SCHEMES.split("|"):
        return Verdict(scheme, Strength.WEAK, "Dovecot 2.4 refuses it")
    if scheme in POOR.split("|"):
        return Verdict(scheme, Strength.WEAK, "a reader of the database soon finds the password")
    return Verdict(scheme, Strength.UNUSABLE, "Dovecot knows no such scheme")


def disabled(stored: str) -> str:
    """Return a stored password that admits no login until it is `enabled`."""
    return stored if is_disabled(stored) else f"{DISABLED}{stored}"


def enabled(stored: str) -> str:
    """Return a stored password as it was before it was disabled."""
    return stored.removeprefix(DISABLED)


def is_disabled(stored: str) -> bool:
    """Return whether a user has been disabled."""
    return stored.startswith(DISABLED)


def given(text: str) -> str:
    """Return a hash that was given, if a login with it is possible."""
    verdict = assess(text)
    if is_disabled(text) or not re.fullmatch(r"[!-~]{1,255}", text):
        raise UsageError(
            "a hash has 1 to 255 characters of ASCII, no spaces, and no $! in front",
            "make one with: doveadm pw -s SHA512-CRYPT",
        )
    if verdict.strength not in (Strength.STRONG, Strength.WEAK):
        raise UsageError(
            f"no login is possible with this hash: {verdict.reason}",
            "make one with: doveadm pw -s SHA512-CRYPT",
        )
    return text
