"""Create the lan with the first server and remove it with the last."""

from __future__ import annotations

import shutil
from contextlib import suppress

from fabfile.sandbox import cgroup, image, keys, mirror, names, network, process, state
from fabfile.sandbox.errors import SandboxError


def join(name: str) -> None:
    """Create the server's directory and start the lan, its name server and its apt proxy."""
    with state.lock("lan"):
        state.host(name).mkdir(parents=True, exist_ok=True)
        network.make_lan()
        names.update()
        mirror.start()


def leave(name: str) -> None:
    """Remove a stopped server's directory and network, and with the last server the lan."""
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
    # The record first: a server without one counts as not created.
    (folder / "server.json").unlink(missing_ok=True)
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise SandboxError(
                f"its disk cannot be removed: {error}",
                f"see which processes use it: fuser -vm {folder}",
                host=name,
            ) from error
    # systemd-nspawn does not remove these folders when it is killed.
    for place in ("propagate", "unix-export"):
        with suppress(OSError):
            shutil.rmtree(f"/run/systemd/nspawn/{place}/{network.namespace(name)}")
