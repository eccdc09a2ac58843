"""Hashes that are made, and what stored ones are worth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import bcrypt, des_crypt, md5_crypt, sha512_crypt

from fabfile.model.errors import UsageError
from tasks.accounts import hashes
from tasks.accounts.hashes import Strength

ROOT = Path(__file__).resolve().parents[3]

# With salts of their own they would be other tests each time.
SHA512 = sha512_crypt.using(rounds=1000, salt="0123456789abcdef").hash("x")
BLOWFISH = bcrypt.using(rounds=4, salt="abcdefghijklmnopqrstuu").hash("x")
DES = des_crypt.using(salt="ab").hash("x")
MD5 = md5_crypt.using(salt="01234567").hash("x")
WORTH = [
    (SHA512, Strength.STRONG, "SHA512-CRYPT"),
    (f"{{CRYPT}}{SHA512}", Strength.STRONG, "SHA512-CRYPT"),
    (f"{{SHA512-CRYPT}}{SHA512}", Strength.STRONG, "SHA512-CRYPT"),
    (f"$!{SHA512}", Strength.STRONG, "SHA512-CRYPT"),
    (BLOWFISH, Strength.STRONG, "BLF-CRYPT"),
    (
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC",
        "strong",
        "yescrypt",
    ),
    ("{SSHA512}abcd", Strength.STRONG, "SSHA512"),
    ("{SSHA256.HEX}abcd", Strength.STRONG, "SSHA256"),
    (DES, Strength.WEAK, "DES-CRYPT"),
    (f"{{CRYPT}}{DES}", Strength.WEAK, "DES-CRYPT"),
    (MD5, Strength.WEAK, "MD5-CRYPT"),
    ("{PLAIN}secret", Strength.WEAK, "PLAIN"),
    ("{plain-md5}9dd4e461268c8034f5c8564e155c67a6", Strength.WEAK, "PLAIN-MD5"),
    ("", Strength.EMPTY, ""),
    ("{SHA512-CRYPT}", Strength.EMPTY, "SHA512-CRYPT"),
    ("$!", Strength.EMPTY, ""),
    ("*", Strength.UNUSABLE, ""),
    (SHA512[:20], Strength.UNUSABLE, "SHA512-CRYPT"),
    ("secret", Strength.UNUSABLE, ""),
    ("{NO-SUCH}abc", Strength.UNUSABLE, "NO-SUCH"),
]


@pytest.mark.parametrize(("stored", "strength", "scheme"), WORTH)
def test_worth(stored: str, strength: Strength, scheme: str) -> None:
    verdict = hashes.assess(stored)
    assert (verdict.strength, verdict.scheme) == (strength, scheme)
    assert bool(verdict.reason) == (strength != Strength.STRONG)


@pytest.mark.parametrize("scheme", [hashes.SHA512_CRYPT, hashes.BLF_CRYPT])
def test_what_is_made_is_strong_and_fits(scheme: str) -> None:
    made = hashes.hashed("pässwörd", scheme)
    assert hashes.assess(made) == hashes.Verdict(scheme, Strength.STRONG)
    handler = sha512_crypt if scheme == hashes.SHA512_CRYPT else bcrypt
    assert handler.verify("pässwörd", made)
    assert not handler.verify("passwort", made)


def test_bcrypt_never_ignores_the_end_of_a_password() -> None:
    with pytest.raises(UsageError, match="up to 72 bytes"):
        hashes.hashed("x" * 73, hashes.BLF_CRYPT)


@given(st.text())
def test_disabling_is_undone(stored: str) -> None:
    closed = hashes.disabled(stored)
    assert hashes.is_disabled(closed)
    assert hashes.disabled(closed) == closed
    if not hashes.is_disabled(stored):
        assert hashes.enabled(closed) == stored


@pytest.mark.parametrize("text", ["", "*", "$!x", SHA512[:50], f"{SHA512} x", "secret", "$6$x\ny"])
def test_a_hash_that_lets_nobody_in_is_not_taken(text: str) -> None:
    with pytest.raises(UsageError):
        hashes.given(text)


def test_hashes_of_old_are_taken() -> None:
    for text in (SHA512, des_crypt.hash("x"), "{SSHA}abcd"):
        assert hashes.given(text) == text


def test_many_hosts_may_want_their_first_hash_at_the_same_time() -> None:
    """In a process that has loaded nothing yet, as in a rollout that comes to its verify."""
    program = """
import sys, threading, time
from tasks.accounts.hashes import hashed
sys.setswitchinterval(1e-6)
first = threading.Thread(target=hashed, args=("secret",))
first.start()
# As soon as it has begun to load what it needs.
while first.is_alive() and not any(name.startswith("passlib.ha") for name in sys.modules.copy()):
    time.sleep(0)
print(hashed("secret", "BLF-CRYPT")[:3])
"""
    command = [sys.executable, "-c", program]
    for _ in range(5):
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (run.stdout, run.stderr) == ("$2y\n", "")
