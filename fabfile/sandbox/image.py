"""Images: the read-only layers below a server's own disk.

A base image is a bare Debian made by mmdebstrap. Its folder is named after a hash of its recipe. A
snapshot is one more layer on top of another image. Both appear under images/ in one rename.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fabfile.sandbox import el6, machine, mirror, network, process, state
from fabfile.sandbox.errors import SandboxError

# Packages of any provider's bare Debian that mmdebstrap leaves out. No Python.
PACKAGES = (
    "systemd-sysv",
    "openssh-server",
    "sudo",
    "iproute2",
    "iputils-ping",
    "procps",
    "dbus",
    "ca-certificates",
    "less",
    "nano",
)


@dataclass(frozen=True)
class Recipe:
    """The recipe of a base image. `files` is a directory that its hook reads."""

    suites: tuple[tuple[str, str], ...]
    packages: tuple[str, ...]
    hook: str
    options: tuple[str, ...] = ()
    files: Path | None = None

    def sources(self) -> list[str]:
        """Return the lines of the image's sources.list."""
        return [f"deb {archive} {suite} main" for archive, suite in self.suites]

    def command(self, target: Path) -> list[str]:
        """Return the command that builds the image's root in a new directory."""
        options = [f"--aptopt={option}" for option in mirror.apt_options()]
        return [
            "nsenter",
            f"--net={network.NAMESPACES / network.lan()}",
            "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            f"--include={','.join(self.packages)}",
            *options,
            "--dpkgopt=force-unsafe-io",
            f"--setup-hook={MERGE_USR}",
            f"--customize-hook={self.hook}",
            *self.options,
            self.suites[0][1],
            str(target),
            *self.sources(),
        ]

    def key(self) -> str:
        """Return a hash of the recipe and of the contents of `files`, not of their place."""
        made_of = repr(self.command(Path()))
        if self.files:
            made_of = made_of.replace(str(self.files), digest(self.files))
        return hashlib.sha256(made_of.encode()).hexdigest()[:12]


def digest(folder: Path) -> str:
    """Return a digest of all files in a directory except Python's bytecode."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            found.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


# Merge /usr before the first file is unpacked. mmdebstrap's own hook fails with Debian 11.
MERGE_USR = (
    'for d in bin sbin lib $(test "$(dpkg --print-architecture)" = amd64 && echo lib64);'
    ' do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done'
)

# Each server gets host keys of its own. The timers would hold apt's lock during a deploy.
# Packages are not kept: the lan's proxy has them. Each change of this text rebuilds the images,
# since it is part of their key.
CUSTOMIZE = (
    'rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/machine-id" "$1/etc/hostname" "$1/etc/resolv.conf";'
    " for u in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer console-getty.service;"
    ' do ln -sf /dev/null "$1/etc/systemd/system/$u"; done;'
    """ echo 'APT::Keep-Downloaded-Packages "false";' >"$1/etc/apt/apt.conf.d/98sandbox\""""
)


def recipe(codename: str, *packages: str, security: bool = True) -> Recipe:
    """Return a Debian release's recipe."""
    suites = [(mirror.ARCHIVE, codename), (mirror.ARCHIVE, f"{codename}-updates")]
    if security:
        suites.append((mirror.SECURITY, f"{codename}-security"))
    return Recipe(tuple(suites), (*PACKAGES, *packages), CUSTOMIZE)


def el6_recipe(setup: str) -> Recipe:
    """Return the recipe of a stand-in for CentOS 6, made of Debian 12's programs."""
    return Recipe(recipe("bookworm").suites, el6.PACKAGES, el6.hook(setup), el6.OPTIONS, el6.FILES)


RECIPES = {
    "debian11": recipe("bullseye", security=False),
    "debian12": recipe("bookworm", "usr-is-merged"),
    "debian13": recipe("trixie", "usr-is-merged"),
    "el6": el6_recipe("plus"),
    "el6-stock": el6_recipe("stock"),
}


def images() -> Path:
    """Return the directory of all layers."""
    return state.directory() / "images"


def layers(name: str, say: Callable[[str], None]) -> list[str]:
    """Return an image's layers as directories, topmost first. Build a missing base image."""
    if name in RECIPES:
        return [build(name, say)]
    description = images() / name / "layers.json"
    if not description.exists():
        known = [*RECIPES, *snapshots()]
        raise SandboxError(f"there is no image {name!r}", f"known images: {', '.join(known)}")
    below: list[str] = json.loads(description.read_text())
    return [str(images() / name / "root"), *below]


def within(name: str, image: str, layers: list[str]) -> bool:
    """Return whether a server with this image and these layers is based on the image `name`."""
    names = {Path(layer).name.partition("@")[0] for layer in layers}
    names |= {Path(layer).parent.name for layer in layers if Path(layer).name == "root"}
    return name == image or name in names


def snapshots() -> list[str]:
    """Return the names of the images that were made from servers."""
    return sorted(path.parent.name for path in images().glob("*/layers.json"))


def build(name: str, say: Callable[[str], None]) -> str:
    """Return a base image's directory. Build it with mmdebstrap if it is missing."""
    made_of = RECIPES[name]
    final = images() / f"{name}@{made_of.key()}"
    with state.lock(f"image-{name}"):
        if final.is_dir():
            return str(final)
        say(f"building the image {name}, once: this takes about a minute")
        # An interrupted build may have left its mmdebstrap running.
        process.kill_all(f"image-{name}")
        temporary = images() / f".{name}.new"
        shutil.rmtree(temporary, ignore_errors=True)
        images().mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            made_of.command(temporary),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**machine.environment(), **process.mark(f"image-{name}", "build")},
            check=False,
        )
        log = state.directory() / "log" / f"image-{name}"
        if done.returncode:
            # Before the log is written: on a full disk, this makes room for it.
            shutil.rmtree(temporary, ignore_errors=True)
        state.write(log, done.stdout + done.stderr)
        if done.returncode:
            raise SandboxError(
                f"the image {name} could not be built: {reason(done.stderr)}",
                f"see the output of mmdebstrap in {log}",
            )
        temporary.rename(final)
    return str(final)


def reason(output: str) -> str:
    """Return the line of mmdebstrap's output that names the cause of a failure."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no message"]
    for pattern in ("No space left", r"^(E|Err): ", r"^E: "):
        for line in lines:
            if re.search(pattern, line) and "failed" not in line:
                return line
    return lines[-1]


def check_new(name: str) -> None:
    """Raise SandboxError for a name that a new image cannot have."""
    if name in RECIPES or not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise SandboxError(f"{name!r} is not valid as an image's name", "use a-z, 0-9, . _ and -")
    if (images() / name).exists():
        raise SandboxError(f"the image {name} exists already", "choose another name")


def add(name: str, upper: Path, below: list[str]) -> None:
    """Turn a server's upper layer into an image on top of its layers below."""
    target = images() / name
    with state.lock("images"):
        check_new(name)
        temporary = images() / f".{name}.new"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        state.write(temporary / "layers.json", json.dumps(below) + "\n")
        upper.rename(temporary / "root")
        temporary.rename(target)


def remove_all() -> None:
    """Remove all images and the cached packages."""
    shutil.rmtree(images(), ignore_errors=True)
    shutil.rmtree(state.directory() / "packages", ignore_errors=True)
