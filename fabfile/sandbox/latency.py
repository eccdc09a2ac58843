"""Carry frames between two TAP devices, with a delay. A program of its own.

    latency.py NAMESPACE DEVICE NAMESPACE DEVICE MILLISECONDS

The kernel's netem does the same, but not every machine can load its module. MILLISECONDS is the
delay of one direction. The program ends when one of its devices is removed.
"""

from __future__ import annotations

import collections
import ctypes
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
PR_SET_TIMERSLACK = 29

FRAME = 1 << 16  # largest frame, in bytes
# The bandwidth-delay product of a fast line, in frames. A full queue drops frames, as routers do.
QUEUE = 20_000


def tap(libc: ctypes.CDLL, namespace: str, device: str) -> int:
    """Create a TAP device in a namespace and return its descriptor."""
    inside = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(inside, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    os.close(inside)
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI)
    fcntl.ioctl(descriptor, TUNSETIFF, request)
    return descriptor


def forward(left: int, right: int, delay: float) -> None:
    """Carry frames both ways, each after `delay` seconds, until a device is removed."""
    other = {left: right, right: left}
    held: collections.deque[tuple[float, int, bytes]] = collections.deque()
    poll = select.poll()
    for descriptor in other:
        poll.register(descriptor, select.POLLIN)
    while True:
        wait = None if not held else max(0.0, held[0][0] - time.monotonic()) * 1000
        for descriptor, event in poll.poll(wait):
            if event & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                return
            receive(descriptor, other[descriptor], delay, held)
        while held and held[0][0] <= time.monotonic():
            _, sink, frame = held.popleft()
            try:
                os.write(sink, frame)
            except BlockingIOError:
                pass
            except OSError:
                # EIO: the device is not up yet. The frame is lost, as on a real cable.
                continue


def receive(
    source: int, sink: int, delay: float, held: collections.deque[tuple[float, int, bytes]]
) -> None:
    """Read all waiting frames into `held`, each with the time of its delivery."""
    while len(held) < QUEUE:
        try:
            frame = os.read(source, FRAME)
        except BlockingIOError:
            return
        held.append((time.monotonic() + delay, sink, frame))


def main(arguments: list[str]) -> None:
    """Create both devices and carry frames between them."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0)
    left = tap(libc, arguments[0], arguments[1])
    right = tap(libc, arguments[2], arguments[3])
    try:
        forward(left, right, float(arguments[4]) / 1000)
    except OSError:
        return  # EBADFD: a device was removed.


if __name__ == "__main__":
    main(sys.argv[1:])
