"""The plan of many hosts: common changes are shown once, and each outlier apart.

Where hosts differ in their names alone, these are shown as <fqdn> and <domain>.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fabfile.report.diff import plan_lines
from fabfile.report.result import Block, Result

NAMED = 8
"""Maximum number of hosts that are named in one heading."""


def fleet_plan(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of all plans together: each group of hosts with the same changes, once."""
    plans = {result.host: _named(result) for result in results if result.plan}
    if len(results) < 2 or not plans:
        return
    for hosts, keys in _groups(plans):
        blocks = [plans[hosts[0]][key] for key in keys]
        same = all(plans[host][key] == plans[hosts[0]][key] for host in hosts for key in keys)
        yield f"{_count(hosts)}:"
        yield from (f"  {line}" for line in plan_lines(blocks if same else keys))


def _named(result: Result) -> dict[Block, Block]:
    """Return a plan's blocks, by what they are without the host's own names."""
    return {_general(block, result.names): block for block in result.plan}


def _general(block: Block, names: Mapping[str, str]) -> Block:
    lines = []
    for line in block.lines:
        general = line
        for name, value in names.items():
            general = general.replace(value, f"<{name}>") if value else general
        lines.append(general)
    return Block(block.section, tuple(lines))


def _groups(plans: Mapping[str, Mapping[Block, Block]]) -> list[tuple[list[str], list[Block]]]:
    """Return groups of hosts and the blocks that these hosts, and no others, have; big ones first.

    Blocks keep the order of the plans.
    """
    having: dict[Block, list[str]] = {}
    for host, blocks in plans.items():
        for block in blocks:
            having.setdefault(block, []).append(host)
    groups: dict[tuple[str, ...], list[Block]] = {}
    for block, hosts in having.items():
        groups.setdefault(tuple(hosts), []).append(block)
    found = [(list(hosts), blocks) for hosts, blocks in groups.items()]
    return sorted(found, key=lambda group: -len(group[0]))


def _count(hosts: Sequence[str]) -> str:
    if len(hosts) == 1:
        return hosts[0]
    more = f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else ""
    return f"{len(hosts)} hosts ({', '.join(hosts[:NAMED])}{more})"
