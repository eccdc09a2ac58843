"""The tasks `fab sandbox.up`, `fab sandbox.down` and `fab sandbox.list`.

The sandbox itself is loaded for a run alone: `fab --list` needs none of it.
"""

from __future__ import annotations

from invoke import Collection, Context, task

NAMES = "servers, separated by commas"
DEFAULT_IMAGE = "debian12"


@task(  # type: ignore[untyped-decorator]
    help={
        "names": f"{NAMES} (mail1; with an image of its own, the image's name)",
        "image": "debian12, debian13, debian11, el6, el6-stock or a snapshot",
        "latency": "milliseconds to add to each round trip",
    }
)
def up(_context: Context, names: str = "", image: str = DEFAULT_IMAGE, latency: str = "") -> None:
    """Start throw-away servers on this machine."""
    from fabfile.sandbox import control

    names = names or ("mail1" if image == DEFAULT_IMAGE else image)
    control.start(control.split(names), image, control.milliseconds(latency))


@task(  # type: ignore[untyped-decorator]
    help={
        "names": f"{NAMES} (all)",
        "images": "remove the cached images and packages too",
    }
)
def down(_context: Context, names: str = "", images: bool = False) -> None:
    """Remove the sandbox's servers, all or some."""
    from fabfile.sandbox import control

    control.remove(control.split(names) if names else None, images=images)


@task(name="list")  # type: ignore[untyped-decorator]
def list_(_context: Context) -> None:
    """List the sandbox's servers."""
    from fabfile.sandbox import control

    control.print_list()


collection = Collection("sandbox")
for each in (up, down, list_):
    collection.add_task(each)
