"""The `fab` command: Fabric's own, with our executor from the start.

Installed as `fab`, so that `fab -H mail1 -- uptime`, which loads no fabfile, knows the inventory
too. Under Fabric's own script everything but that works as well: fabfile/__init__.py sees to it.
"""

from __future__ import annotations

from fabric.main import program

from fabfile.executor import Executor

program.executor_class = Executor


def run() -> None:
    """Run the command line."""
    program.run()
