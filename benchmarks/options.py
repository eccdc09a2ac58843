"""Lists on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence


def numbers(text: str) -> list[int]:
    """Return the numbers of a list, in order, each once."""
    return sorted({int(word) for word in text.split(",")})


def some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what reads a list of some of these words, in their own order."""

    def names(text: str) -> list[str]:
        asked = text.split(",")
        if strange := set(asked) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(strange)} is none of {', '.join(known)}")
        return [name for name in known if name in asked]

    return names
