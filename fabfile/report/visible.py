"""Text from hosts, files and databases, made visible before it reaches a terminal or a report.

A terminal acts on control characters. Invisible and bidirectional ones make a text look like
another one. Each sink (terminal, HTML, JUnit) calls `visible` where text leaves, so that no place
that builds a message can forget it; the JSON report escapes all that is not ASCII.
"""

from __future__ import annotations

import re

LONGEST_LINE = 10_000
"""Maximum length of a line of an error, in characters."""

_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 without tab and line feed
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible letters and marks
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"  # zero width, bidirectional
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
    "\ufdd0-\ufdef\ufff0-\uffff"  # non-characters, annotations, object replacement
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff"  # musical controls, tags
    "\ud800-\udfff\ue000-\uf8ff"  # surrogates, private use: what they show depends on the font
)
_PLANES = "".join(
    chr(plane * 0x10000 + last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF)
)
HIDDEN = re.compile(f"[{_HIDDEN}{_PLANES}]")
"""Characters that act on a terminal, are not seen, or that XML 1.0 does not allow (UTS 39)."""


def visible(text: str) -> str:
    r"""Return text with its hidden characters escaped as in Python: `\x1b`, `\u202e`."""
    return HIDDEN.sub(lambda found: ascii(found[0])[1:-1], text)


def shortened(text: str) -> str:
    """Return text with each line cut to LONGEST_LINE characters; a cut line says so."""
    if len(text) <= LONGEST_LINE:
        return text
    return "\n".join(
        line
        if len(line) <= LONGEST_LINE
        else f"{line[:LONGEST_LINE]}… ({len(line) - LONGEST_LINE} more characters)"
        for line in text.split("\n")
    )
