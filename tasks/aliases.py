"""Guide: "Configure Mail Aliases"."""

from __future__ import annotations

from collections.abc import Iterator

from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Resource
from fabfile.model.section import CheckGroup, section
from fabfile.model.variables import Variable
from tasks.resources.alias import ALIASES, Alias, AliasDatabase
from tasks.services import reload_postfix
from tasks.validators import address

POSTMASTER = Variable(
    "postmaster", address, lambda v: f"postmaster@{v['domain']}", "who gets mail for root"
)


@section(
    "Configure Mail Aliases",
    variables=(POSTMASTER,),
    checks=(CheckGroup("Mail Aliases", "tasks.verify.aliases:probes", 40),),
)
def aliases(host: SurveyedHost) -> Iterator[Resource]:
    """Send root's and postmaster's mail to an administrator."""
    yield Alias("postmaster", "root", notify=reload_postfix(host))
    yield Alias("root", host["postmaster"], notify=reload_postfix(host))
    yield AliasDatabase(ALIASES, notify=reload_postfix(host))
