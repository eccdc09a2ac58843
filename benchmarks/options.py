"""Parsers of lists on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence


def numbers(text: str) -> list[int]:
    """Return the numbers of a comma-separated list, sorted, each once."""
    return sorted({int(word) for word in text.split(",")})


def some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return a parser of comma-separated lists of these words. It keeps the order of `known`."""

    def names(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := set(asked) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(known)}")
        return [name for name in known if name in asked]

    return names
