"""Guide: "Configure Postfix to work with MySQL"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fabfile.model import shell
from fabfile.model.host import Host
from fabfile.model.resource import Resource, Restart
from fabfile.model.section import section
from fabfile.resources.account import Group, User
from fabfile.resources.certificate import SelfSignedCertificate
from fabfile.resources.file import Directory, File, Given
from fabfile.resources.firewall import OpenPort
from fabfile.resources.selinux import FileContext
from fabfile.resources.service import Service
from fabfile.resources.template import render
from tasks import centosplus
from tasks.platforms import dovecot_dialect, names, postfix_process, postfix_version
from tasks.postconf import MainFile, MasterFile, MasterService, PostconfParameter
from tasks.variables import LOOPBACK

MAILBOX_SIZE_LIMIT = 51_200_000
"""Postfix's own, in bytes."""
MAPS = ("domains", "forwardings", "mailboxes", "email2email", "transports")


CHECK = """\
# Whatever reads main.cf waits until it is two seconds old, since it could be half-written. Ours
# has been put in place whole.
old=$(($(date +%s) - 2))
[ "$(stat -c %Y /etc/postfix/main.cf)" -le $old ] || touch -c -d @$old /etc/postfix/main.cf
# `postfix check` tells the log alone what is wrong; whatever reads main.cf as well says it here.
postmap -q x static:x >/dev/null
postfix check || {
    journalctl -q -o cat -n 5 -t postfix -t postfix/postfix-script 2>/dev/null ||
        tail -n 5 /var/log/maillog
    exit 1
}"""


def reload(host: Host) -> Restart:
    """Return what a change of Postfix's configuration asks for. No connection is lost by it."""
    return replace(restart(host), verb="reload")


def restart(host: Host) -> Restart:
    """Return what only a change of the addresses it listens on asks for (postconf(5))."""
    return Restart("postfix", check=f"{CHECK}\n{tls_check(host)}", process=postfix_process(host))


def reload_dovecot(host: Host) -> Restart:
    """Return what a change of Dovecot's configuration, or of the certificate, asks for."""
    check = f"doveconf -n >/dev/null\n{tls_check(host)}"
    return Restart("dovecot", check=check, verb="reload")


def reload_both(host: Host) -> tuple[Restart, Restart]:
    """Return what a change asks for that both must learn of.

    Postfix comes second, also for changes of Dovecot alone: its processes keep their connection to
    Dovecot's logins, which a reload cuts, and would refuse the next login with 454.
    """
    return reload_dovecot(host), reload(host)


def tls_check(host: Host) -> str:
    """Return shell that fails when the certificate cannot be used: neither program looks itself."""
    cert, key = (shell.quote(path) for path in certificate(host))
    return (
        f"public=$(openssl x509 -in {cert} -noout -pubkey)\n"
        f'[ "$public" = "$(openssl pkey -in {key} -pubout)" ] || '
        f"{{ echo {cert} and {key} 'do not belong together' >&2; exit 1; }}"
    )


def certificate(host: Host) -> tuple[str, str]:
    """Return the paths of the certificate and its key: the administrator's, or ours."""
    if "tls_cert" in host.variables:
        return host["tls_cert"], host["tls_key"]
    return names(host).certificate, names(host).private_key


def database_ca(host: Host) -> str | None:
    """Return the path of what proves a database on another machine; None for our own."""
    return None if host["db_host"] in LOOPBACK else f"{names(host).ca_folder}/mailfab-db-ca.pem"


def lookup(name: str) -> str:
    """Return a lookup table. All go through proxymap, which shares its database connections."""
    return f"proxy:mysql:/etc/postfix/mysql-virtual_{name}.cf"


def map_file(host: Host, name: str) -> File:
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
    return File(path, content, group="postfix", mode="0640", secret=True, notify=reload(host))


def main_cf(host: Host) -> dict[str, str | None]:
    """Return the guide's parameters, in its order, and what must be set beside them."""
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
        # Patches that no Postfix has (virtual_…), and a list that would hide newer maps.
        "virtual_create_maildirsize": None,
        "virtual_maildir_extended": None,
        "proxy_read_maps": None,
    }
    if not 0 < int(host["message_size_limit"]) <= MAILBOX_SIZE_LIMIT:
        # local(8) does not work at all when a message may be bigger than a mailbox.
        parameters["mailbox_size_limit"] = "0"
    if version >= (2, 10):
        parameters["smtpd_relay_restrictions"] = relay
    if forbids_bare_newlines(version):
        parameters["smtpd_forbid_bare_newline"] = "normalize"
    else:
        # What can be done against SMTP smuggling without it.
        parameters["smtpd_data_restrictions"] = "reject_unauth_pipelining"
    if version < (3,):
        # Later versions have these by themselves.
        parameters |= {
            "smtpd_tls_protocols": "!SSLv2, !SSLv3",
            "smtpd_tls_mandatory_protocols": "!SSLv2, !SSLv3",
            "smtpd_tls_eecdh_grade": "strong",
        }
    return parameters


def _new_main_cf(host: Host) -> tuple[str, ...]:
    """Return all parameters, and the level that a package sets: a main.cf that begins with them.

    Without that level Postfix behaves like version 2 (COMPATIBILITY_README).
    """
    parameters = main_cf(host)
    if (version := postfix_version(host)) >= (3,):
        parameters["compatibility_level"] = "3.6" if version >= (3, 6) else "2"
    return tuple(f"{name} = {value}" for name, value in parameters.items() if value is not None)


def _quota_check(host: Host) -> str:
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


def client_services(host: Host) -> Iterator[MasterService]:
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
            notify=reload(host),
        )


def open_ports(host: Host, *ports: int) -> Iterator[OpenPort]:
    """Yield ports that whichever firewall is active should let everybody reach."""
    if host.flag("firewall"):
        yield from (OpenPort(port) for port in ports)


@section("Configure Postfix to work with MySQL")
def postfix(host: Host) -> Iterator[Resource]:
    """Let Postfix look everything up in MySQL."""
    cert, key = certificate(host)
    restarts, reloads = restart(host), reload(host)
    if "tls_cert" in host.variables:
        yield Given(cert, "tls_cert")
        yield Given(key, "tls_key")
    else:
        yield SelfSignedCertificate(cert, key, host["fqdn"], notify=reload_both(host))
    if path := database_ca(host):
        yield File(path, Path(host["db_ca"]).read_text(encoding="utf-8"), notify=reloads)
    for name in MAPS:
        yield map_file(host, name)
    yield Group("vmail", gid=5000)
    yield User("vmail", uid=5000, gid=5000, home="/home/vmail", shell=names(host).nologin)
    yield Directory("/home/vmail", owner="vmail", group="vmail", mode="0750")
    if host.system.selinux:
        yield FileContext("/home/vmail", "mail_spool_t")
    package = (
        host.system.package_manager,
        centosplus.origin(host),
        int(host["package_lock_timeout"]),
    )
    yield MainFile(*package, _new_main_cf(host), notify=reloads)
    yield MasterFile(*package, notify=reloads)
    yield MasterService(
        "dovecot",
        "unix",
        "pipe",
        (
            "flags=DRhu user=vmail:vmail",
            f"argv={names(host).deliver} -f ${{sender}} -d ${{user}}@${{domain}}",
        ),
        notify=reloads,
    )
    yield from client_services(host)
    # After master.cf, which it refers to, and as shortly before the reload as can be: new processes
    # read it at once, and proxymap opens the new tables for them only when it has read it too.
    for name, value in main_cf(host).items():
        due = restarts if name == "inet_interfaces" else reloads
        yield PostconfParameter(name, value, notify=due)
    yield Service("postfix", process=postfix_process(host), check=restarts.check)
    yield from open_ports(host, 25, *((465, 587) if host.flag("submission") else ()))
