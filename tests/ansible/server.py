"""Answers with what `ansible-inventory --list` prints, for many inventories.

Loading Ansible takes a second. So this program loads it once and forks for each question, which is
a line with the path of an inventory. An answer is a line of JSON: exit code, output, messages.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

from ansible.cli.inventory import InventoryCLI
from ansible.plugins.loader import cache_loader, init_plugin_loader, inventory_loader


def run(path: str) -> int:
    """Do what the program `ansible-inventory` does."""
    try:
        InventoryCLI(["ansible-inventory", "-i", path, "--list"]).run()
    except SystemExit as end:
        return int(end.code or 0)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def answer(path: str) -> dict[str, object]:
    """Run it in a child, so that nothing is left of one inventory for the next."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                code = run(path)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "out": out.read().decode(errors="replace"),
            "err": err.read().decode(errors="replace"),
        }


def main() -> None:
    """Load the plug-ins, then answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    init_plugin_loader()
    for plugin in ("host_list", "script", "auto", "yaml", "ini", "toml"):
        inventory_loader.get(plugin)
    cache_loader.get("memory")
    for line in sys.stdin:
        answers.write(json.dumps(answer(line.removesuffix("\n"))) + "\n")
        answers.flush()


main()
