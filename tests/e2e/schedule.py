"""Which process runs what: all tests of a file on one system are one piece of work, in order.

A process makes one server for each system, and goes on with it from file to file. So it is given
pieces of a system that it has already, then of one that no other process has. The pieces that take
longest come first: one of six minutes that came last would be waited for alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SECONDS = {
    "test_migration.py": 90,
    "test_quotas.py": 40,
    "test_ubuntu.py": 40,
    "test_rollout.py": 35,
    "test_upgrade.py": 35,
    "test_faults.py": 30,
    "test_hidden_characters.py": 25,
    "test_check_then_restart.py": 18,
    "test_firewall.py": 17,
    "test_own_configurations.py": 15,
    "test_database_server.py": 15,
    "test_server_faults.py": 13,
    "test_deploy.py": 11,
    "test_hostile.py": 11,
    "test_el6.py": 10,
    "test_many.py": 9,
    "test_preflight.py": 8,
    "test_awkward_states.py": 8,
    "test_lock.py": 6,
}
"""About how long one test of a file takes, where that is more than three seconds."""


def piece(nodeid: str) -> str:
    """Return the piece of work that a test belongs to; its parameters begin with the system."""
    file, _, test = nodeid.partition("::")
    _, _, parameters = test.partition("[")
    return f"{file} {parameters.replace(' ', '-').partition(']')[0].partition('-')[0]}"


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return tests in the order of their pieces, each as it was within its own."""
    seconds: Counter[str] = Counter()
    for item in items:
        if not item.get_closest_marker("skip"):
            seconds[piece(item.nodeid)] += SECONDS.get(item.path.name, 3)
    return sorted(items, key=lambda item: (-seconds[piece(item.nodeid)], piece(item.nodeid)))


class PerFileAndSystem(LoadScopeScheduling):
    """Gives out pieces of work, in the order in which they were collected, system by system."""

    def _split_scope(self, nodeid: str) -> str:
        return piece(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        mine = systems(self.assigned_work.get(node, ()))
        others = systems(chain.from_iterable(self.assigned_work.values())) - mine
        scope = next_piece(list(self.workqueue), mine, others)
        self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)


def system(scope: str) -> str:
    """Return the system that a piece of work is for; nothing if it is for none."""
    return scope.rpartition(" ")[2]


def systems(scopes: Iterable[str]) -> set[str]:
    """Return the systems that pieces of work are for."""
    return set(map(system, scopes)) - {""}


def next_piece(scopes: Sequence[str], mine: set[str], others: set[str]) -> str:
    """Return the first piece for a system of `mine`, else for none of `others`, else at all."""
    same = [scope for scope in scopes if system(scope) in mine]
    new = [scope for scope in scopes if system(scope) not in others]
    return (same or new or scopes)[0]
