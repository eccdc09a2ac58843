"""Watches a server's ports from the lan, a program of its own: who answers, and who did not, when.

    watch.py ADDRESS PORT...

A connection that is greeted five times a second, until standard input ends. Then it prints for each
port the longest time, in seconds, between two answers that had a refusal between them.
"""

from __future__ import annotations

import socket
import sys
import threading
import time

EVERY = 0.2


def greeted(address: str, port: int) -> bool:
    """Whether the service on a port says something."""
    try:
        with socket.create_connection((address, port), 1) as connection:
            connection.settimeout(5)
            return bool(connection.recv(64))
    except OSError:
        return False


def watch(address: str, port: int, ended: threading.Event, away: dict[int, float]) -> None:
    """Note the longest time that a port was away."""
    last, missed = time.monotonic(), False
    while not ended.wait(EVERY):
        if greeted(address, port):
            now = time.monotonic()
            if missed:
                away[port] = max(away[port], now - last)
            last, missed = now, False
        else:
            missed = True
    if missed:
        away[port] = max(away[port], time.monotonic() - last)


def main(address: str, *numbers: str) -> None:
    """Watch until standard input ends."""
    ended, away = threading.Event(), {int(number): 0.0 for number in numbers}
    threads = [threading.Thread(target=watch, args=(address, port, ended, away)) for port in away]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()
    print(*(f"{seconds:.1f}" for seconds in away.values()))


if __name__ == "__main__":
    main(*sys.argv[1:])
