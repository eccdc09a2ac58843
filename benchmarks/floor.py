"""The floor: one plain Fabric connection to each host, which runs one command.

    floor.py KEY COMMAND ADDRESS:PORT...

It is a fresh process with as many connections at once as mailfab. With `true` as the command, no
program that uses unmodified Fabric can be faster.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from fabric import Connection

AT_ONCE = 32  # connections at the same time


def main(key: str, command: str, addresses: list[str]) -> None:
    """Run the command on all addresses."""

    def run(address: str) -> None:
        with Connection(address, user="root", connect_kwargs={"key_filename": key}) as connection:
            connection.run(command, hide=True, in_stream=False)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(run, addresses):
            pass


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
