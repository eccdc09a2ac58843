"""What a hostile server reads and sends: our scripts, true answers to them, and gzip bombs."""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

FACTS = Path(__file__).resolve().parents[1] / "data" / "facts"
RECORDED = {
    folder.name: [file.read_text() for file in sorted(folder.glob("*.txt"))]
    for folder in sorted(FACTS.iterdir())
}
"""What real hosts have answered to each fact."""


def script(command: bytes) -> str:
    """Return the script in a command line of ours; nothing for one that reads it from stdin."""
    packed = re.match(rb"echo ([A-Za-z0-9+/=]+)\|", command)
    return gzip.decompress(base64.b64decode(packed[1])).decode() if packed else ""


def survey(text: str) -> str:
    """Return a true answer to a survey's script, from records of real hosts."""
    (nonce,) = set(re.findall(r"@([0-9a-f]{16}) end", text))
    said = []
    for fact in re.findall(rf"@{nonce} (\w+)'", text):
        if fact != "end":
            said.append(f"@{nonce} {fact}\n{RECORDED.get(fact, [''])[0]}")
    return "\n".join([*said, f"@{nonce} end\n"])


def bomb(head: bytes, block: bytes, megabytes: int) -> Iterator[bytes]:
    """Yield something gzipped that is as big as one likes, and costs next to nothing to make."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    # What stands between two full flushes can be unpacked by itself, so also many times over.
    piece = packer.compress(block * (2**20 // len(block))) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        yield piece
