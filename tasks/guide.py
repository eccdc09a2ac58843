"""The guide put together: its sections in order, and what belongs to no single one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fabfile.model.host import SurveyedHost
from fabfile.model.section import CheckGroup, Guide
from fabfile.model.variables import Values, Variable
from fabfile.resources.packages.package import PACKAGE, offer
from tasks.aliases import aliases
from tasks.dovecot import dovecot
from tasks.encryption import require_encryption
from tasks.hostname import hostname
from tasks.mysql import mysql
from tasks.packages import packages
from tasks.platforms import SURVEYED_PLATFORMS, require_supported
from tasks.postfix import postfix
from tasks.preflight import HOST, OUTGOING, preflight, preflight_questions
from tasks.validators import domain_name, yes_no


def _domain(variables: Mapping[str, str]) -> str:
    fqdn = variables["fqdn"]
    return fqdn.partition(".")[2] if fqdn.count(".") > 1 else fqdn


VARIABLES = (
    Variable("fqdn", domain_name, None, "the server's full name; the only one that must be set"),
    Variable(
        "domain", domain_name, _domain, "the domain of postmaster; fqdn without its first label"
    ),
    Variable(
        "firewall", yes_no, "yes", "open the mail ports where a firewall is active; `off`: never"
    ),
)


def name_of_the_host(values: Values) -> Iterator[str]:
    """Yield that a host has no name."""
    if "fqdn" not in values.given:
        yield "fqdn is not set: the server's full name, such as mail1.example.com"


def require_possible(host: SurveyedHost) -> None:
    """Refuse a system without a row, and a database that its programs cannot ask safely."""
    require_supported(host)
    require_encryption(host)


GUIDE = Guide(
    sections=(hostname, packages, mysql, postfix, dovecot, aliases),
    platforms=SURVEYED_PLATFORMS,
    variables=VARIABLES,
    rules=(name_of_the_host,),
    version_fact=PACKAGE,
    version_keys=lambda package: (package, offer(package)),
    require_supported=require_possible,
    host_specific=("fqdn", "domain"),
    preflight=preflight,
    preflight_fact=HOST,
    slow_preflight_fact=OUTGOING,
    preflight_questions=preflight_questions,
    checks=(
        CheckGroup("Services", "tasks.verify.services:probes", 10),
        CheckGroup("Ports", "tasks.verify.ports:probes", 30),
        CheckGroup("Domains and Users", "tasks.verify.delivery:probes", 70),
        CheckGroup("Refusals", "tasks.verify.refusals:probes", 90),
    ),
    commands={"verify": "tasks.verify:verify"},
)
