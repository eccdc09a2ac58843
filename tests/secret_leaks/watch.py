"""Watches a sandbox server from outside: each program that starts, and each file that is written.

By fanotify(7). A program that starts opens the C library, and is held up there until its command
line and environment have been read: none is too short to be seen. What was written before it
started is looked at first, so a file that a shell writes and then protects is seen in between.
"""

from __future__ import annotations

import ctypes
import os
import select
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
# From linux/fanotify.h.
CLASS_NOTIF, CLASS_CONTENT, CLOEXEC, NONBLOCK, UNLIMITED = 0, 0x4, 0x1, 0x2, 0x30
MARK_ADD, MARK_FILESYSTEM = 0x1, 0x100
MODIFY, CLOSE_WRITE, OPEN_PERM = 0x2, 0x8, 0x10000
EVENT = struct.Struct("=IBBHQii")
ALLOW = 1
AT_FDCWD = -100
LARGEST = 256 * 1024
"""Bytes of a file that are looked at; ours that hold a secret are smaller."""
# Programs, package lists, and the database server's own files, which are looked at when at rest.
OMITTED = ("/usr/", "/var/cache/apt/", "/var/lib/apt/", "/var/cache/yum/", "/var/lib/mysql/")


@dataclass(frozen=True)
class Written:
    """A file as it was at one moment."""

    path: str
    mode: int
    owner: int
    group: int
    reachable: bool
    """Whether every folder above it lets everybody through."""
    content: bytes = field(repr=False)


@dataclass
class Seen:
    """What was seen of a server."""

    started: list[bytes] = field(default_factory=list)
    """The command line and the environment of each program that started."""
    written: set[Written] = field(default_factory=set)


def _group(kind: int, mask: int, path: Path, *, how: int = 0) -> int:
    """Return a file descriptor on which events of a path arrive."""
    fd: int = LIBC.fanotify_init(
        kind | CLOEXEC | NONBLOCK | UNLIMITED, os.O_RDONLY | os.O_LARGEFILE
    )
    if fd < 0 or LIBC.fanotify_mark(
        fd, MARK_ADD | how, ctypes.c_uint64(mask), AT_FDCWD, os.fsencode(path)
    ):
        raise OSError(ctypes.get_errno(), "fanotify", str(path))
    return fd


def _events(fd: int) -> Iterator[tuple[int, int]]:
    """Yield the file and the process of each event that is waiting."""
    while True:
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        while data:
            length, _, _, _, _, file, pid = EVENT.unpack_from(data)
            data = data[length:]
            yield file, pid


@contextmanager
def watch(pid: int) -> Iterator[Seen]:
    """Watch the server whose init has this pid."""
    root = Path(f"/proc/{pid}/root")
    (library,) = root.glob("usr/lib/*/libc.so.6")
    starts = _group(CLASS_CONTENT, OPEN_PERM, library)
    writes = _group(CLASS_NOTIF, MODIFY | CLOSE_WRITE, root, how=MARK_FILESYSTEM)
    seen, over = Seen(), threading.Event()

    def look() -> None:
        poll = select.poll()
        poll.register(starts, select.POLLIN)
        poll.register(writes, select.POLLIN)
        while not over.is_set():
            poll.poll(200)
            for file, process in _events(starts):
                _look_at_files(writes, root, seen)
                seen.started.append(_process(process))
                os.write(starts, struct.pack("=iI", file, ALLOW))
                os.close(file)
            _look_at_files(writes, root, seen)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        # Processes that still wait for us may continue.
        os.close(starts)
        os.close(writes)


def _process(pid: int) -> bytes:
    try:
        folder = Path(f"/proc/{pid}")
        return (folder / "cmdline").read_bytes() + b"\n" + (folder / "environ").read_bytes()
    except OSError:
        return b""


def _look_at_files(writes: int, root: Path, seen: Seen) -> None:
    for file, _ in _events(writes):
        if file < 0:
            raise OverflowError("more was written than could be looked at")
        try:
            path = str(Path(f"/proc/self/fd/{file}").readlink())
            status = os.fstat(file)
            if stat.S_ISREG(status.st_mode) and not path.startswith(OMITTED):
                content = os.pread(file, LARGEST, 0)
                mode = stat.S_IMODE(status.st_mode)
                seen.written.add(
                    Written(
                        path, mode, status.st_uid, status.st_gid, _reachable(root, path), content
                    )
                )
        finally:
            os.close(file)


def _reachable(root: Path, path: str) -> bool:
    """Return whether everybody can get to a path, as far as its folders are concerned."""
    folder = root
    try:
        for part in path.lstrip("/").split("/")[:-1]:
            folder /= part
            if not folder.stat().st_mode & stat.S_IXOTH:
                return False
    except OSError:
        pass
    return True
