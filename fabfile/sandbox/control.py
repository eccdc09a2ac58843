"""Start, remove and list the servers of the sandbox, several at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from fabfile.sandbox import boot, image, machine, process, state
from fabfile.sandbox.errors import SandboxError
from fabfile.sandbox.server import Server, servers

PARALLEL = 4


def start(names: list[str], image_name: str, latency_ms: float | None) -> None:
    """Start servers of an image; those that exist keep theirs. Print where each can be reached."""

    def up(server: Server) -> str:
        server.up(latency_ms, say)
        return describe(server)

    with progress(f"starting {', '.join(names)}") as say:
        in_parallel(up, [Server(name, image_name) for name in names], say)


def remove(names: list[str] | None, *, images: bool) -> None:
    """Remove servers, all if `names` is None. Remove the images too if asked."""
    machine.check_root()
    targets = servers() if names is None else [Server(name) for name in names]

    def down(server: Server) -> str:
        existed = server.exists
        server.down()
        return f"{server.name}: {'removed' if existed else 'was not there'}"

    with progress("removing servers") as say:
        in_parallel(down, targets, say)
    if images:
        remove_images()


def remove_images() -> None:
    """Remove all images. Raise SandboxError if a server uses them."""
    if left := state.host_names():
        raise SandboxError(
            f"the images are in use by {', '.join(left)}",
            "remove the servers too: fab sandbox.down --images",
        )
    image.remove_all()
    print("images: removed")


def print_list() -> None:
    """Print a table of the servers."""
    machine.check_root()
    rows = [("NAME", "IMAGE", "ADDRESS", "SSH", "STATE", "SINCE", "LATENCY")]
    for server in servers():
        pid = boot.init(server.name)
        since = process.started(pid) if pid else "-"
        latency = f"{server.latency_ms:g} ms" if server.latency_ms else "-"
        rows.append(
            (
                server.name,
                server.image,
                server.address,
                str(server.port(22)),
                "running" if pid else "stopped",
                since,
                latency,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def split(names: str) -> list[str]:
    """Return the names of a comma-separated list, each once."""
    found = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not found:
        raise SandboxError("the list of servers is empty", "give names: --names mail1,mail2")
    return found


def milliseconds(text: str) -> float | None:
    """Return a latency in milliseconds, or None for an empty text."""
    try:
        return float(text) if text else None
    except ValueError:
        raise SandboxError(
            f"the latency is {text!r}; expected a number", "give milliseconds: --latency 100"
        ) from None


def describe(server: Server) -> str:
    """Return one line with the address, port and key of a server."""
    port = server.port(22)
    key = state.directory() / "id_ed25519"
    return (
        f"{server.name}: {server.image} at {server.address}"
        + (f" port {port} (22 is in use on this machine)" if port != 22 else "")
        + f", key {key}"
    )


def in_parallel(
    action: Callable[[Server], str], targets: list[Server], say: Callable[[str], None]
) -> None:
    """Run an action on all servers, a few at a time. Raise all failures at the end."""
    failures = []
    with ThreadPoolExecutor(PARALLEL) as pool:
        for future in [pool.submit(action, server) for server in targets]:
            try:
                say(future.result())
            except SandboxError as error:
                failures.append(error)
    if failures:
        raise SandboxError("\n".join(str(error) for error in failures))


@contextmanager
def progress(activity: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that prints a line. Show a spinner on a terminal."""
    if not sys.stdout.isatty():
        yield lambda line: print(line, flush=True)
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    with console.status(f"{activity} …"):
        yield console.print
