"""The guide put together: its sections in order, the platforms asked about, the secrets."""

from __future__ import annotations

from fabfile.model.section import Guide
from fabfile.resources.package import PACKAGE, offer
from tasks import mysql as _mysql
from tasks.aliases import aliases
from tasks.centosplus import POSTFIX_SOURCE
from tasks.dovecot import dovecot
from tasks.mysql import mysql
from tasks.packages import packages
from tasks.platforms import SURVEYED_PLATFORMS, VERSIONS, supported
from tasks.postfix import postfix
from tasks.preflight import HOST, OUTGOING, preflight
from tasks.variables import check

GUIDE = Guide(
    sections=(packages, mysql, postfix, dovecot, aliases),
    platforms=SURVEYED_PLATFORMS,
    versions={PACKAGE: (*VERSIONS, *map(offer, VERSIONS))},
    platform_facts=(POSTFIX_SOURCE,),
    secrets=_mysql.SECRETS,
    host_specific=("fqdn", "domain"),
    validate=check,
    require_supported=supported,
    preflight=preflight,
    preflight_fact=HOST,
    slow_preflight_fact=OUTGOING,
)
