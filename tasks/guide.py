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
from tasks.platforms import ASKED, VERSIONS, supported
from tasks.postfix import postfix
from tasks.preflight import HOST, OUTGOING, preflight
from tasks.variables import check

GUIDE = Guide(
    sections=(packages, mysql, postfix, dovecot, aliases),
    platforms=ASKED,
    versions={PACKAGE: (*VERSIONS, *map(offer, VERSIONS))},
    traits=(POSTFIX_SOURCE,),
    secrets=_mysql.SECRETS,
    names=("fqdn", "domain"),
    check=check,
    supported=supported,
    preflight=preflight,
    fitness=HOST,
    distant=OUTGOING,
)
