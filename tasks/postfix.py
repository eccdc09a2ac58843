"""Guide: "Configure Postfix to work with MySQL"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Resource
from fabfile.model.section import CheckGroup, Guide, Ports, section
from fabfile.model.variables import Values, Variable
from fabfile.resources.account import Group, User
from fabfile.resources.certificate import SelfSignedCertificate
from fabfile.resources.file import Directory, File, RequiredFile
from fabfile.resources.packages.package import package_manager
from fabfile.resources.selinux import FileContext
from fabfile.resources.service import Service
from fabfile.resources.template import render
from tasks import centosplus
from tasks.conflicts import advice, harmless_parameters
from tasks.firewall import open_ports
from tasks.mysql import is_local
from tasks.platforms import ByPlatform
from tasks.resources.postconf import MainFile, MasterFile, MasterService, PostconfParameter
from tasks.resources.transports import OldTransports, WildcardTransport
from tasks.services import (
    dovecot_dialect,
    postfix_process,
    postfix_version,
    reload_both,
    reload_postfix,
    restart_postfix,
)
from tasks.tls import certificate, database_ca
from tasks.validators import networks, number, path, yes_no

WEAK_CIPHERS = ("aNULL", "eNULL", "EXPORT", "DES", "RC4")
"""Ciphers without authentication or encryption, and those that can be broken (ciphers(1))."""
ACCEPTED: dict[str, Callable[[str], bool]] = {
    "smtpd_tls_ciphers": lambda value: value == "high",
    "smtpd_tls_exclude_ciphers": lambda value: {*WEAK_CIPHERS} <= {*re.split(r"[\s,:]+", value)},
}
"""What may stay in place of our values, as it is stricter."""
MAPS = ("domains", "forwardings", "mailboxes", "email2email", "transports")


def lookup(name: str) -> str:
    """Return a lookup table. All go through proxymap, which shares its database connections."""
    return f"proxy:mysql:/etc/postfix/mysql-virtual_{name}.cf"


def map_file(host: SurveyedHost, name: str) -> File:
    """Return a lookup map: it holds a password, and only Postfix may read it."""
    path = f"/etc/postfix/mysql-virtual_{name}.cf"
    version = postfix_version(host)
    content = render(
        path,
        host,
        ca=database_ca(host),
        # Before 3.10 a map with a single server gives up on it for a minute when it fails once
        # (mysql_table(5)); naming it twice makes Postfix try again.
        # From 3.9 on a map speaks utf8mb4, and fails on an address that its table's own character
        # set does not have, instead of not finding it. Before, it spoke latin1.
        charset="latin1" if version >= (3, 9) else None,
        hosts=host["db_host"] if version >= (3, 10) else f"{host['db_host']} {host['db_host']}",
    )
    due = reload_postfix(host)
    return File(path, content, group="postfix", mode="0640", secret=True, notify=due)


def main_cf(host: SurveyedHost) -> dict[str, str | None]:
    """Return the guide's parameters, in its order, and others that it should have set."""
    cert, key = certificate(host)
    version = postfix_version(host)
    relay = "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"
    parameters: dict[str, str | None] = {
        "myhostname": host["fqdn"],
        "mydestination": "$myhostname, localhost, localhost.localdomain",
        "mynetworks": host["mynetworks"],
        "inet_interfaces": "all",
        "message_size_limit": host["message_size_limit"],
        "virtual_alias_domains": "",
        "virtual_alias_maps": f"{lookup('forwardings')}, {lookup('email2email')}",
        "virtual_mailbox_domains": lookup("domains"),
        "virtual_mailbox_maps": lookup("mailboxes"),
        "virtual_mailbox_base": "/home/vmail",
        "virtual_uid_maps": "static:5000",
        "virtual_gid_maps": "static:5000",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": "private/auth",
        "smtpd_sasl_auth_enable": "yes",
        "broken_sasl_auth_clients": host["old_outlook"],
        "smtpd_sasl_authenticated_header": "yes",
        "smtpd_recipient_restrictions": f"{relay}{_quota_check(host)}",
        "smtpd_tls_security_level": "may",
        "smtpd_use_tls": None,
        "smtpd_tls_cert_file": cert,
        "smtpd_tls_key_file": key,
        "virtual_transport": "dovecot",
        "dovecot_destination_recipient_limit": "1",
        # The guide makes a table of transports and never asks it.
        "transport_maps": lookup("transports"),
        "smtpd_tls_auth_only": "no" if host.flag("auth_before_tls") else "yes",
        "disable_vrfy_command": "no" if host.flag("vrfy") else "yes",
        # Parameters of patches that no Postfix has (virtual_…), and a list that would hide newer
        # maps.
        "virtual_create_maildirsize": None,
        "virtual_maildir_extended": None,
        "proxy_read_maps": None,
    }
    if version >= (2, 10):
        parameters["smtpd_relay_restrictions"] = relay
    if forbids_bare_newlines(version):
        parameters["smtpd_forbid_bare_newline"] = "normalize"
    else:
        # The protection against SMTP smuggling without it.
        parameters["smtpd_data_restrictions"] = "reject_unauth_pipelining"
    if version < (3,):
        # Later versions have these by themselves.
        parameters |= {
            "smtpd_tls_protocols": "!SSLv2, !SSLv3",
            "smtpd_tls_mandatory_protocols": "!SSLv2, !SSLv3",
            "smtpd_tls_eecdh_grade": "strong",
            # Postfix 2.6 offers export ciphers, and OpenSSL of that age has RC4 among its best.
            "smtpd_tls_ciphers": "medium",
            "smtpd_tls_exclude_ciphers": ", ".join(WEAK_CIPHERS),
        }
    return parameters


def _new_main_cf(host: SurveyedHost, guide: Guide) -> tuple[str, ...]:
    """Return the parameters of all sections, for a main.cf that is made as a whole.

    The level is one that a package sets: without it Postfix behaves like version 2
    (COMPATIBILITY_README).
    """
    parameters = [r for r in guide.resources(host) if isinstance(r, PostconfParameter)]
    level = []
    if (version := postfix_version(host)) >= (3,):
        level = [f"compatibility_level = {'3.6' if version >= (3, 6) else '2'}"]
    return (*(f"{p.name} = {p.value}" for p in parameters if p.value is not None), *level)


def _quota_check(host: SurveyedHost) -> str:
    """Return the question to Dovecot whether a mailbox is full, where it has a service for that.

    Without an answer mail is taken; Dovecot then sends it back.
    """
    if not host.flag("quotas") or dovecot_dialect(host) == "2.0":
        return ""
    socket = "unix:private/quota-status"
    if postfix_version(host) < (3,):
        return f", check_policy_service {socket}"
    return f", check_policy_service {{ {socket}, default_action=DUNNO }}"


def forbids_bare_newlines(version: tuple[int, ...]) -> bool:
    """Return whether this Postfix can refuse SMTP smuggling (RELEASE_NOTES-3.9)."""
    first = {(3, 5): 24, (3, 6): 14, (3, 7): 10, (3, 8): 5}
    branch = version[:2]
    return branch >= (3, 9) or (branch in first and version >= (*branch, first[branch]))


def client_services(host: SurveyedHost) -> Iterator[MasterService]:
    """Yield the ports for mail clients (RFC 8314): a login, and TLS before it, or nothing.

    With submission=no they go; an entry of the administrator's own stays.
    """
    common = (
        "-o smtpd_sasl_auth_enable=yes",
        "-o smtpd_tls_auth_only=yes",
        "-o smtpd_relay_restrictions=permit_sasl_authenticated,reject",
        "-o smtpd_recipient_restrictions=permit_sasl_authenticated,reject",
        "-o milter_macro_daemon_name=ORIGINATING",
    )
    for name, tls in (
        ("submission", "-o smtpd_tls_security_level=encrypt"),
        ("smtps", "-o smtpd_tls_wrappermode=yes"),
    ):
        arguments = (f"-o syslog_name=postfix/{name}", tls, *common)
        yield MasterService(
            name,
            "inet",
            "smtpd",
            arguments,
            private="n",
            unprivileged="-",
            present=host.flag("submission"),
            alone=True,
            notify=reload_postfix(host),
        )


VARIABLES = (
    Variable("tls_cert", path, None, "a certificate on the host (with its chain), PEM"),
    Variable("tls_key", path, None, "the private key of tls_cert"),
    Variable("message_size_limit", number, "30720000", "bytes"),
    Variable("mynetworks", networks, "127.0.0.0/8 [::1]/128", "who may relay without a login"),
    Variable("submission", yes_no, "yes", "ports 587 (STARTTLS) and 465 (TLS) for mail clients"),
    Variable(
        "auth_before_tls", yes_no, "no", "passwords in clear text on port 25, as in the guide"
    ),
    Variable("vrfy", yes_no, "no", "let strangers ask which addresses exist, as in the guide"),
    Variable(
        "old_outlook", yes_no, "no", "also offer AUTH= (broken_sasl_auth_clients), as in the guide"
    ),
)


def certificate_and_key(values: Values) -> Iterator[str]:
    """Yield an error for a certificate without a key, or a key without a certificate."""
    if ("tls_cert" in values.given) != ("tls_key" in values.given):
        yield "tls_cert and tls_key go together: set both or neither"


PACKAGES = ByPlatform(
    {
        ("debian", 11): ("postfix", "postfix-mysql"),
        ("el", 6): ("postfix",),
        # Each kind of table is in a package of its own.
        ("el", 8): ("postfix", "postfix-mysql"),
        # No Berkeley DB any more: /etc/aliases needs LMDB (NON_BERKELEYDB_README).
        ("el", 10): ("postfix", "postfix-lmdb", "postfix-mysql"),
    }
)
NOLOGIN = ByPlatform({("debian", 11): "/usr/sbin/nologin", ("el", 6): "/sbin/nologin"})
DELIVER = ByPlatform(
    {
        ("debian", 11): "/usr/lib/dovecot/dovecot-lda",
        ("el", 6): "/usr/libexec/dovecot/deliver",
    }
)
"""Dovecot's local delivery agent."""
PORTS: Ports = {25: ("master",), 465: ("master",), 587: ("master",)}


@section(
    "Configure Postfix to work with MySQL",
    variables=VARIABLES,
    rules=(certificate_and_key,),
    ports=PORTS,
    packages=PACKAGES,
    versions=("apt postfix", "rpm postfix"),
    platform_facts=(centosplus.POSTFIX_SOURCE,),
    checks=(
        CheckGroup("Lookups", "tasks.verify.tables:probes", 25),
        CheckGroup("Testing Postfix", "tasks.verify.ehlo:probes", 50),
        CheckGroup("Certificate", "tasks.verify.certificates:probes", 60),
    ),
)
def postfix(host: SurveyedHost, guide: Guide) -> Iterator[Resource]:
    """Set up Postfix with lookups in MySQL."""
    cert, key = certificate(host)
    restarts, reloads = restart_postfix(host), reload_postfix(host)
    if "tls_cert" in host.variables:
        yield RequiredFile(cert, "tls_cert")
        yield RequiredFile(key, "tls_key")
    else:
        yield SelfSignedCertificate(cert, key, host["fqdn"], notify=reload_both(host))
    if path := database_ca(host):
        yield File(path, Path(host["db_ca"]).read_text(encoding="utf-8"), notify=reloads)
    for name in MAPS:
        yield map_file(host, name)
    yield Group("vmail", gid=5000, files="/home/vmail")
    yield User("vmail", uid=5000, gid=5000, home="/home/vmail", shell=NOLOGIN(host))
    yield Directory("/home/vmail", owner="vmail", group="vmail", mode="0750")
    if host.system.selinux:
        yield FileContext("/home/vmail", "mail_spool_t")
    package = (
        package_manager(host.system),
        centosplus.origin(host),
        int(host["package_lock_timeout"]),
    )
    yield MainFile(*package, lambda: _new_main_cf(host, guide), notify=reloads)
    yield MasterFile(*package, notify=reloads)
    yield MasterService(
        "dovecot",
        "unix",
        "pipe",
        (
            "flags=DRhu user=vmail:vmail",
            f"argv={DELIVER(host)} -f ${{sender}} -d ${{user}}@${{domain}}",
        ),
        notify=reloads,
    )
    yield from client_services(host)
    # After master.cf, which it refers to, and right before the reload: new processes read it at
    # once, and proxymap opens the new tables only after it has read it too.
    parameters = main_cf(host)
    for name, value in parameters.items():
        due = restarts if name == "inet_interfaces" else reloads
        stricter = ACCEPTED.get(name)
        yield PostconfParameter(name, value, stricter, notify=due)
    yield from harmless_parameters(host, reloads)
    yield from advice(host, parameters)
    if is_local(host):
        yield OldTransports(host.name)
        yield WildcardTransport(host.name)
    yield Service("postfix", process=postfix_process(host), check=restarts.check)
    yield from open_ports(host, 25, *((465, 587) if host.flag("submission") else ()))
