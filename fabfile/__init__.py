"""mailfab: mail servers from bare Linux hosts, over SSH. Here the command line is put together."""

from __future__ import annotations

import functools
import gc
import pkgutil
import sys
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke import Collection

    from fabfile.fleet.host_connection import HostConnection

# The start makes many objects and drops few. With the default of 700, looking for unreachable ones
# takes a thirtieth of the start of `fab`.
gc.set_threshold(50_000)

# `fab` puts this folder on the path, not the one above, where tasks/ is.
_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)


def _refuse_new_paramiko() -> None:
    """Exit if paramiko 5 is installed. It dropped SHA-1, which CentOS 6 needs."""
    import paramiko

    if int(paramiko.__version__.split(".")[0]) >= 5:
        sys.exit(
            f"paramiko {paramiko.__version__} is installed, which cannot connect to CentOS 6\n"
            "    install one that can: pip install 'paramiko>=3.5.1,<5'"
        )


_refuse_new_paramiko()


SANDBOX = {"sandbox": "fabfile.sandbox.tasks:collection"}
"""The commands that belong to no guide, as `package.module:task` by name."""
PROVE = {"rollout": "verify", "rollback": "verify"}
"""Commands of the guide that end with another one, which is loaded before the threads start."""
ASKS_FOR_ALL = ("-l", "--list", "-h", "--help", "--complete")


@functools.cache
def _namespace() -> Collection:
    """Return the tasks. The one place where fabfile/ meets tasks/."""
    from fabric.main import program
    from invoke import Collection

    from fabfile.cli.commands import GuideCommands
    from fabfile.cli.executor import Executor
    from tasks.guide import GUIDE

    program.executor_class = Executor
    namespace = GuideCommands(GUIDE, prove=_prove).collection()
    more = {**GUIDE.all_commands, **SANDBOX}
    for name in named(sys.argv[1:], {*namespace.task_names, *namespace.collections}, more):
        part = pkgutil.resolve_name(more[name])
        (namespace.add_collection if isinstance(part, Collection) else namespace.add_task)(part)
    return namespace


def named(words: Sequence[str], guide: Set[str], more: Iterable[str]) -> Iterable[str]:
    """Return which of `more` commands a command line may name beside those of every section.

    A command line that is about the guide alone does not load them, which is a seventh of its
    start: all are returned unless a command of `guide` is among the words and no word asks for the
    whole list.
    """
    if guide.isdisjoint(words) or any(word.startswith(ASKS_FOR_ALL) for word in words):
        return more
    said = {word.split(".")[0] for word in words}
    said |= {PROVE[word] for word in said & PROVE.keys()}
    return [name for name in more if name in said]


def _prove(c: HostConnection) -> None:
    """Verify a host after a deploy or a rollback."""
    from tasks.verify import verify

    verify(c)


def __getattr__(name: str) -> Collection:
    """Make `ns` when Fabric asks for it: importing one module must not import all."""
    if name == "ns":
        return _namespace()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
