"""Measure plan, apply and export of many accounts: `python -m benchmarks.accounts`.

The comparison is the guide's own way: a mysql client on the server for each row.
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
    """Return `count` users in DOMAINS domains, each with its own hash, and count / 10 aliases."""
    domains = [f"domain{number}.example" for number in range(DOMAINS)]
    users = [f"user{number}@{domains[number % DOMAINS]}" for number in range(count)]
    return Accounts(
        set(domains),
        {user: stored() for user in users},
        {f"alias-{user}": (user,) for user in users[::10]},
    )


def stored() -> str:
    """Return text in the form of a hash. Ten thousand real hashes would take minutes."""
    return f"$6$rounds=50000${secrets.token_hex(8)}${secrets.token_hex(43)}"


def measure(count: int, latency: int, one_by_one: int, folder: Path) -> None:
    """Run each command once and print its wall time in seconds. The latency is in ms."""
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
    plan = fab(folder, server, "accounts.plan", *declared)
    show("accounts.plan, nothing there", accept_changes(plan))
    show("accounts.apply, nothing there", fab(folder, server, "accounts.apply", *declared))
    show("accounts.apply, nothing to change", fab(folder, server, "accounts.apply", *declared))
    export = ("accounts.export", "--hashes", "--file", str(back))
    show("accounts.export --hashes", fab(folder, server, *export))
    if back.read_bytes() != file.read_bytes():
        raise RunError("the exported accounts differ from the applied ones")
    program = (HERE / "insert_rows.sh").read_text(encoding="utf-8")
    script = f"COUNT={one_by_one}\nSTORED={shlex.quote(stored())}\n{program}"
    title = f"the mysql client, once for each of {one_by_one} users, on the server"
    show(title, Command([*ssh(server), script], folder))


def fab(folder: Path, server: Server, *words: str) -> Command:
    """Return a `fab` command for one server."""
    program = str(Path(sys.executable).with_name("fab"))
    variables = {"MAILFAB_INVENTORY": str(folder / "inventory.ini")}
    words = (program, "-r", str(ROOT), "-H", server.name, *words)
    return Command(words, folder, variables, network.lan())


def accept_changes(plan: Command) -> Command:
    """Return the plan with exit status 2, which means changes, taken as success."""
    return replace(plan, words=["sh", "-c", '"$@" || [ $? = 2 ]', "sh", *plan.words])


def show(title: str, command: Command) -> None:
    """Run a command and print its wall time in seconds."""
    before = time.monotonic()
    command.run()
    print(f"{time.monotonic() - before:8.2f}  {title}", flush=True)


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.accounts", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000, help="users in the file (10000)")
    parser.add_argument("--latency", type=int, default=100, help="ms added to the round trip (100)")
    parser.add_argument(
        "--one-by-one", type=int, default=10_000, help="rows of the mysql client (10000)"
    )
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
