"""The floor: what one plain Fabric connection per host costs that runs `true`, in a fresh process.

    floor.py KEY ADDRESS:PORT...

No program that uses Fabric can be faster than this.
"""

from __future__ import annotations

import sys

from fabric import ThreadingGroup


def main(key: str, addresses: list[str]) -> None:
    """Run `true` on every address, on all at once."""
    group = ThreadingGroup(*addresses, user="root", connect_kwargs={"key_filename": key})
    group.run("true", hide=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
