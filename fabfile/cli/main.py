"""The `fab` command: Fabric's own, with our executor from the start.

Installed as `fab`, so that `fab -H mail1 -- uptime`, which loads no fabfile, knows the inventory
too, and the shell completes its names. Under Fabric's own script everything but these two works as
well: fabfile/__init__.py sees to it.
"""

from __future__ import annotations

import os
import sys

import fabric
from fabric.main import program

from fabfile.cli import completion
from fabfile.cli.executor import Executor


class Config(fabric.Config):
    """Fabric's configuration, without ssh's.

    fabfile/ssh/config.py asks ssh. paramiko reads those files in another way, and raises an error
    for some that ssh takes.
    """

    def _load_ssh_files(self) -> None:
        pass


program.executor_class = Executor
program.config_class = Config


def run() -> None:
    """Run the command line."""
    if (text := completion.answer(sys.argv[1:])) is not None:
        print(text, end="")
        return
    try:
        program.run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a list has closed it. Python would report that again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
