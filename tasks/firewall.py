"""The ports of the mail services in the host's own firewall."""

from __future__ import annotations

from collections.abc import Iterator

from fabfile.model.host import SurveyedHost
from fabfile.resources.firewall import OpenPort


def open_ports(host: SurveyedHost, *ports: int) -> Iterator[OpenPort]:
    """Yield ports that whichever firewall is active should let everybody reach."""
    if host.flag("firewall"):
        yield from (OpenPort(port) for port in ports)
