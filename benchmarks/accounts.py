"""How long a file of many accounts takes: `python -m benchmarks.accounts`.

Beside it the guide's own way, the mysql client on the server, called once for each row.
"""

from __future__ import annotations

import argparse
import secrets
import shlex
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks import inventories, machines
from benchmarks.command import Command, RunError
from benchmarks.simulated.__main__ import say, ssh
from benchmarks.simulated.fleet import ROOT
from benchmarks.tools import HERE
from fabfile.model.errors import MailfabError
from fabfile.sandbox import network
from fabfile.sandbox.server import Server
from tasks.accounts import accounts_file
from tasks.accounts.state import Accounts

DOMAINS = 10


def accounts(count: int) -> Accounts:
    """Return so many users in a few domains, each with its own hash; a tenth are forwarded to."""
    domains = [f"domain{number}.example" for number in range(DOMAINS)]
    users = [f"user{number}@{domains[number % DOMAINS]}" for number in range(count)]
    return Accounts(
        set(domains),
        {user: stored() for user in users},
        {f"alias-{user}": (user,) for user in users[::10]},
    )


def stored() -> str:
    """Return what looks like a hash; to make ten thousand real ones would take minutes."""
    return f"$6$rounds=50000${secrets.token_hex(8)}${secrets.token_hex(43)}"


def measure(count: int, latency: int, one_by_one: int, folder: Path) -> None:
    """Print the seconds of each command."""
    server = machines.fleet("accounts", 1, machines.DEBIAN)[0]
    machines.be_bare([server], 0)
    inventories.write_ini([server], folder / "inventory.ini")
    say("deploying")
    fab(folder, server, "deploy").run()
    machines.set_latency([server], latency)
    file, back = folder / "accounts.yml", folder / "back.yml"
    file.write_text(accounts_file.text(accounts(count), with_hashes=True), encoding="utf-8")
    print(f"{count} users, {count // 10} forwardings, {latency} ms added; seconds")
    declared = ("--file", str(file))
    show("accounts.plan, nothing there", changing(fab(folder, server, "accounts.plan", *declared)))
    show("accounts.apply, nothing there", fab(folder, server, "accounts.apply", *declared))
    show("accounts.apply, nothing to change", fab(folder, server, "accounts.apply", *declared))
    export = ("accounts.export", "--hashes", "--file", str(back))
    show("accounts.export --hashes", fab(folder, server, *export))
    if back.read_bytes() != file.read_bytes():
        raise RunError("what was exported is not what was applied")
    program = (HERE / "insert_rows.sh").read_text(encoding="utf-8")
    script = f"COUNT={one_by_one}\nSTORED={shlex.quote(stored())}\n{program}"
    title = f"the mysql client, once for each of {one_by_one} users, on the server"
    show(title, Command([*ssh(server), script], folder))


def fab(folder: Path, server: Server, *words: str) -> Command:
    """Return one of mailfab's commands."""
    program = str(Path(sys.executable).with_name("fab"))
    variables = {"MAILFAB_INVENTORY": str(folder / "inventory.ini")}
    words = (program, "-r", str(ROOT), "-H", server.name, *words)
    return Command(words, folder, variables, network.lan())


def changing(plan: Command) -> Command:
    """Return a plan that may end with 2: there is something to change."""
    return replace(plan, words=["sh", "-c", '"$@" || [ $? = 2 ]', "sh", *plan.words])


def show(title: str, command: Command) -> None:
    """Run a command and print how long it took."""
    before = time.monotonic()
    command.run()
    print(f"{time.monotonic() - before:8.2f}  {title}", flush=True)


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.accounts", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--latency", type=int, default=100, help="milliseconds (100)")
    parser.add_argument("--one-by-one", type=int, default=10_000, help="rows (10000)")
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            measure(asked.users, asked.latency, asked.one_by_one, Path(folder))
    except (MailfabError, RunError) as error:
        say(str(error))
        return 1
    finally:
        machines.remove_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
