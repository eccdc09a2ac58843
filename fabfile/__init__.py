"""mailfab: mail servers from bare Linux hosts, over SSH. Here the command line is put together."""

from __future__ import annotations

import sys
from pathlib import Path

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

from fabric.main import program  # noqa: E402
from invoke import Collection  # noqa: E402

from fabfile.commands import guide_commands  # noqa: E402
from fabfile.executor import Executor  # noqa: E402
from fabfile.sandbox.tasks import namespace as sandbox  # noqa: E402
from tasks import accounts  # noqa: E402
from tasks.guide import GUIDE  # noqa: E402
from tasks.verify import verify  # noqa: E402

program.executor_class = Executor

ns: Collection = guide_commands(GUIDE)
ns.add_task(verify)
for collection in (accounts.domains, accounts.users, accounts.forwardings, sandbox):
    ns.add_collection(collection)
