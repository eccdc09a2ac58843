"""Beyond the guide: the host's own name is its fqdn, and /etc/hosts knows it.

Off unless `hostname=yes`: a name that an administrator has set stays otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model import shell
from fabfile.model.host import SurveyedHost
from fabfile.model.probe import Failed, Probe, ProbeContext
from fabfile.model.resource import Resource
from fabfile.model.section import CheckGroup, section
from fabfile.model.variables import Variable
from tasks.validators import yes_no

CLOUD_INIT = "/etc/cloud/cloud.cfg.d/99-mailfab.cfg"


@section(
    "Set the Host Name",
    variables=(
        Variable("hostname", yes_no, "no", "fqdn becomes the host's name, also in /etc/hosts"),
    ),
    checks=(CheckGroup("Host Name", "tasks.hostname:probes", 15),),
    switch="hostname",
    beyond_guide=True,
)
def hostname(host: SurveyedHost) -> Iterator[Resource]:
    """Give the host its full name (off unless hostname=yes)."""
    # Loaded where the section is on.
    from tasks.resources.host_name import CloudInitFile, HostName, HostsEntry

    path = "/etc/hostname" if host.system.init == "systemd" else "/etc/sysconfig/network"
    # Before the names themselves: cloud-init would put its own back at the next boot.
    yield CloudInitFile(CLOUD_INIT, "preserve_hostname: true\nmanage_etc_hosts: false")
    yield HostsEntry(host["fqdn"])
    yield HostName(path, host["fqdn"])


def probes(ctx: ProbeContext) -> Iterator[Probe]:
    """Yield the check that the host knows its full name."""
    yield Probe(
        "The host knows its full name",
        ctx.host["fqdn"],
        partial(_full_name, ctx),
        "cloud-init or DHCP may have set another",
        sections=("hostname",),
    )


def _full_name(ctx: ProbeContext) -> str:
    """Return what the host takes for its full name: hostname(1) looks it up in /etc/hosts."""
    found = ctx.c.run_script(shell.script("", "hostname -f 2>&1")).strip()
    if found != ctx.host["fqdn"]:
        raise Failed(found or "nothing")
    return found
