"""mailfab: mail servers from bare Linux hosts, over SSH. Here the command line is put together."""

from __future__ import annotations

import functools
import pkgutil
import sys
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke import Collection

    from fabfile.fleet.host_connection import HostConnection

# `fab` puts this folder on the path, not the one above, where tasks/ is.
_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)


def _refuse_new_paramiko() -> None:
    """Paramiko 5 dropped SHA-1 and with it every CentOS 6 server; no setting brings it back."""
    import paramiko

    if int(paramiko.__version__.split(".")[0]) >= 5:
        sys.exit(
            f"paramiko {paramiko.__version__} is installed, which cannot connect to CentOS 6\n"
            "    install one that can: pip install 'paramiko>=3.5.1,<5'"
        )


_refuse_new_paramiko()


OTHERS = {
    "verify": "tasks.verify:verify",
    "domain": "tasks.accounts.domains:collection",
    "user": "tasks.accounts.users:collection",
    "forwarding": "tasks.accounts.forwardings:collection",
    "transport": "tasks.accounts.transports:collection",
    "accounts": "tasks.accounts.declared:collection",
    "sandbox": "fabfile.sandbox.tasks:collection",
}
"""Where the commands beside the guide's own are, each a task or a collection of tasks, by name.

A command line that is about the guide alone does not load them, which is a seventh of its start.
"""
PROVE = {"rollout": "verify", "rollback": "verify"}
"""The guide's commands that end with another: it is loaded before their threads begin."""
ASKS_FOR_ALL = ("-l", "--list", "-h", "--help", "--complete")


@functools.cache
def _namespace() -> Collection:
    """Return the tasks, made once. The one place where the machine meets the guide."""
    from fabric.main import program
    from invoke import Collection

    from fabfile.cli.commands import guide_commands
    from fabfile.cli.executor import Executor
    from tasks.guide import GUIDE

    program.executor_class = Executor
    namespace = guide_commands(GUIDE, prove=_prove)
    for name in others(sys.argv[1:], {*namespace.task_names, *namespace.collections}):
        part = pkgutil.resolve_name(OTHERS[name])
        (namespace.add_collection if isinstance(part, Collection) else namespace.add_task)(part)
    return namespace


def others(words: Sequence[str], guide: Set[str]) -> Iterable[str]:
    """Return what else the words of a command line may name, when `guide` has the guide's part.

    All, unless a command of the guide is among them and nothing that asks for the whole list.
    """
    if guide.isdisjoint(words) or any(word.startswith(ASKS_FOR_ALL) for word in words):
        return OTHERS
    named = {word.split(".")[0] for word in words}
    named |= {PROVE[word] for word in named & PROVE.keys()}
    return [name for name in OTHERS if name in named]


def _prove(c: HostConnection) -> None:
    """Verify, once something has been deployed or put back."""
    from tasks.verify import verify

    verify(c)


def __getattr__(name: str) -> Collection:
    """Make `ns` when Fabric asks for it, so that to import a module is not to import them all."""
    if name == "ns":
        return _namespace()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
