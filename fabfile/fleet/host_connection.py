"""The connection to a host of the inventory, with the recorder of its tasks."""

from __future__ import annotations

from typing import Any

from fabfile.model.host import Host
from fabfile.report.recorder import Recorder
from fabfile.ssh.connection import Connection
from fabfile.ssh.login import Login


class HostConnection(Connection):
    """The first argument of a task."""

    # Declare attributes on the class; see Connection.
    target: Host = Host("")
    report: Recorder = None  # type: ignore[assignment]  # set by the executor before any task runs

    def __init__(self, login: Login, target: Host, config: Any = None) -> None:
        super().__init__(login, config)
        self.target = target

    def prepare(self) -> None:
        """Begin to connect; see fabfile.model.runner."""
        self.connect_in_background()
