"""Masking: what keeps secrets out of plans, reports and errors."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "••••••"
# The setting that holds a password in the files we write: its old value may be unknown to us, and
# have spaces and quotes in it, so all the rest of the line is hidden.
SETTING = re.compile(r"(pass(?:word|wd)?[ \t]*=[ \t]*)\S.*", re.IGNORECASE)


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret value, and every password setting's value, hidden."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return SETTING.sub(rf"\1{MASK}", text)
