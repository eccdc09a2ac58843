"""Which process runs what: all tests of a file on one system are one piece of work, in order.

A process makes one server for each system, and goes on with it from file to file.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling


class PerFileAndSystem(LoadScopeScheduling):
    """Gives out pieces of work, those of the most tests first."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the piece of work that a test belongs to; its parameters begin with the system."""
        file, _, test = nodeid.partition("::")
        _, _, parameters = test.partition("[")
        return f"{file} {parameters.replace(' ', '-').partition(']')[0].partition('-')[0]}"
