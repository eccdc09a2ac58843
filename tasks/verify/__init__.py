"""Guide: "Testing Postfix" and "Set Up and Test Domains and Users", done for real.

Everything goes through the SSH connection, so no port has to be open. Mail is sent to temporary
accounts in a domain of their own; nothing of it stays behind but lines in the logs.
"""

from __future__ import annotations

from contextlib import closing

from fabfile.cli.task import fleet_task
from fabfile.fleet.host_connection import HostConnection
from fabfile.report.check import Check, counts
from fabfile.report.summary import Summary


@fleet_task(name="verify")
def verify(c: HostConnection) -> None:
    """Prove that mail flows: send and read test messages."""
    # Loaded for a run alone: `fab --list` needs none of it.
    from tasks.verify.display import lines
    from tasks.verify.examination import examine

    made: list[Check] = []
    group = ""
    c.report.phase("verify")
    with closing(examine(c)) as checks:
        for check in checks:
            c.report.busy(f"verify: {check.name}")
            if check.group != group:
                group = check.group
                c.report.line(group)
            for line in lines(check):
                c.report.line(line)
            c.report.checked(check)
            made.append(check)
            c.report.raise_if_cancelled()
    count = counts(made)
    c.report.summarize(Summary.checked(count["passed"], count["failed"]))
    if count["failed"]:
        c.report.exit_code = 1
