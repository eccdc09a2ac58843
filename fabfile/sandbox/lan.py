"""The lan's life: it comes with the first server and goes with the last."""

from __future__ import annotations

import shutil
from contextlib import suppress

from fabfile.sandbox import cgroup, image, keys, mirror, names, network, process, state
from fabfile.sandbox.errors import SandboxError


def join(name: str) -> None:
    """Have the server's directory, the lan, its names and its packages there."""
    with state.lock("lan"):
        state.host(name).mkdir(parents=True, exist_ok=True)
        network.make_lan()
        names.update()
        mirror.start()


def leave(name: str) -> None:
    """Remove a stopped server's directory, its end of the lan, and the lan if it was the last."""
    with state.lock("lan"):
        network.unplug(state.number(name))
        network.remove(network.namespace(name))
        cgroup.remove(name)
        remove_directory(name)
        keys.update_known_hosts()
        if state.host_names():
            names.update()
        else:
            for recipe in image.RECIPES:
                process.kill_all(f"image-{recipe}")
            process.kill_all("lan")
            network.remove(network.lan())


def remove_directory(name: str) -> None:
    """Remove a server's directory with its disk."""
    folder = state.host(name)
    # Its record first: from here on the server counts as not made.
    (folder / "server.json").unlink(missing_ok=True)
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise SandboxError(f"{name}: its disk cannot be removed: {error}") from error
    # systemd-nspawn leaves its meeting place behind when it is killed.
    for place in ("propagate", "unix-export"):
        with suppress(OSError):
            shutil.rmtree(f"/run/systemd/nspawn/{place}/{network.namespace(name)}")
