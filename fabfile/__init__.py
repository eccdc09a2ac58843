"""mailfab: mail servers from bare Linux hosts, over SSH. Here the command line is put together."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke import Collection

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


@functools.cache
def _namespace() -> Collection:
    """Return every task, made once. The one place where the machine meets the guide."""
    from fabric.main import program

    from fabfile.commands import guide_commands
    from fabfile.executor import Executor
    from fabfile.sandbox.tasks import namespace as sandbox
    from tasks.accounts import declared, domains, forwardings, transports, users
    from tasks.guide import GUIDE
    from tasks.verify import verify

    program.executor_class = Executor
    namespace = guide_commands(GUIDE, prove=verify)
    namespace.add_task(verify)
    for part in (domains, users, forwardings, transports, declared):
        namespace.add_collection(part.collection)
    namespace.add_collection(sandbox)
    return namespace


def __getattr__(name: str) -> Collection:
    """Make `ns` when Fabric asks for it, so that to import a module is not to import them all."""
    if name == "ns":
        return _namespace()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
