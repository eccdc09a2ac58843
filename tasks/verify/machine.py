"""Checks of the machine below the services: room on its disks, and warnings of Postfix's files."""

from __future__ import annotations

from functools import partial

from fabfile.model import shell
from fabfile.model.fact import Fact, State, States
from fabfile.model.probe import Failed, Probe, ProbeContext, Warned

ROOM = "There is room on the disks"
LEAST_KIB = 5 * 1024
"""Free space that anything here needs, in KiB; the queue needs more."""


def _parse_disks(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        room, inodes, folder = line.split(" ", 2)
        found[folder] = {"room": int(room), "inodes": -1 if inodes == "-" else int(inodes)}
    return found


DISKS = Fact("disks", shell.program(__file__, "disks.sh"), _parse_disks)
WARNINGS = Fact(
    "postfix_warnings",
    shell.program(__file__, "warnings.sh"),
    lambda lines: {"": {"text": "\n".join(lines)}},
)


def room(ctx: ProbeContext, states: States) -> Probe:
    """Return the check of the disks. Without room, nothing that writes says what it lacks."""
    fill = "du -xk --max-depth=3 / | sort -n | tail"
    return Probe(
        ROOM,
        "1.5 times message_size_limit for the queue (smtpd(8)), and inodes",
        partial(_room, states, int(ctx.host["message_size_limit"])),
        f"free space there; what fills it: {ctx.fab('-- ' + shell.quote(fill))}",
        otherwise="",
    )


def _room(states: States, message_size_limit: int) -> str:
    full, least = [], None
    queue = 0.0
    for (fact, folder), state in states.items():
        if fact != DISKS.name:
            continue
        free, inodes = int(state["room"]), int(state["inodes"])
        # The first folder is the queue.
        needed = max(LEAST_KIB, 0 if queue else 1.5 * message_size_limit / 1024)
        queue = queue or needed
        least = free if least is None else min(least, free)
        if free < needed:
            full.append(f"{folder} has {free} KiB free and needs {round(needed)}")
        elif 0 <= inodes < 100:
            full.append(f"{folder} has {inodes} inodes free")
    if full:
        raise Failed("No space left on device: " + "; ".join(full))
    return "unknown" if least is None else f"{least // 1024} MiB free at least"


def warnings(states: States) -> Probe:
    """Return the check that Postfix does not warn of its files; told here, once."""
    return Probe(
        "Postfix warns of nothing in its files",
        "no warnings",
        partial(_warnings, states),
        "correct main.cf or master.cf there; mail flows all the same",
    )


def _warnings(states: States) -> str:
    text = str(states.get((WARNINGS.name, ""), {"text": ""})["text"])
    if lines := text.split("\n") if text else []:
        more = f", and {len(lines) - 1} more" if lines[1:] else ""
        raise Warned(f"{lines[0][:300]}{more}")
    return "no warnings"
