"""Awkward values: characters with a meaning in a shell, SQL or a file."""

from __future__ import annotations

import random

from hypothesis import strategies as st

MEANINGFUL = (
    "'", '"', "`", "$", "$x", "${x}", "$(id)", "%", "%s", "%u", "%{user}", "{{ x }}", "{% x %}",
    "\\", "\\n", "\\0", "\n", "\r", "\t", "\0", ";", "|", "&", "<", ">", "(", ")", "#", "!", "*",
    "?", "[", "]", "{", "}", "~", "^", "=", ":", ",", "-", "--", "-e ", "@", " ", "/", "../", "é",
    "ß", "☃", "\u2028", "\x85", "\xa0", "\u202e", "\ufeff", "😀", "\x1b[2J", "''", "';--", "\\'",
    "\nEND\n", "@x end", "= /etc/passwd", "|x", "EOF", "x" * 300,
)  # fmt: skip
PIECES = st.sampled_from(MEANINGFUL) | st.text(max_size=5)
AWKWARD = st.lists(PIECES, max_size=6).map("".join)
"""Any text, and much of what breaks out of quotes."""


def around(good: str) -> st.SearchStrategy[str]:
    """Return a strategy for a good value with something in it, now and then nothing."""
    pieces = st.tuples(st.integers(0, len(good)), PIECES | st.just(""))
    return pieces.map(lambda p: good[: p[0]] + p[1] + good[p[0] :])


def some(number: int, good: str = "", seed: int = 1) -> list[str]:
    """Return strange values, always the same; around a good one they put one thing into it.

    For what is too slow to try value by value: hypothesis begins with what is simple.
    """
    draw = random.Random(seed)
    found = []
    for _ in range(number):
        if good:
            where = draw.randrange(len(good) + 1)
            found.append(good[:where] + draw.choice(("", draw.choice(MEANINGFUL))) + good[where:])
        else:
            letter = [chr(draw.choice((draw.randrange(32, 127), draw.randrange(160, 0xD800))))]
            pieces = draw.choices([*MEANINGFUL, *letter], k=draw.randrange(7))
            found.append("".join(pieces))
    return found
