"""What an administrator's Postfix may have that takes the effect from the guide's parameters.

A parameter that hides ours is put right, as the plan shows. A choice that may be meant, such as one
service's own value, is named in a warning with the way to undo it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from fabfile.model.fact import State
from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Resource, Restart
from tasks.resources.in_force import (
    HarmlessParameter,
    MainAdvice,
    MasterAdvice,
    TextAdvice,
)
from tasks.resources.postconf import MASTER, PORTS, port_of
from tasks.services import postfix_version

MAILBOX_SIZE_LIMIT = 51_200_000
"""Postfix's own, in bytes."""
OTHER_CERTIFICATES = (
    "smtpd_tls_chain_files",
    "smtpd_tls_eccert_file",
)
"""Certificates that clients are shown instead of that of smtpd_tls_cert_file (postconf(5))."""
SHARED = {
    "cleanup/unix": "cleanup",
    "rewrite/unix": "trivial-rewrite",
    "qmgr/unix": "qmgr",
    "qmgr/fifo": "qmgr",
    "proxymap/unix": "proxymap",
    "local/unix": "local",
}
"""The services that all mail goes through, and their programs."""
NEEDED = ("cleanup", "rewrite", "bounce", "defer", "proxymap", "local", "anvil", "tlsmgr")
"""Services that the guide's mail needs; files from before Postfix 2.2 lack some."""


def harmless_parameters(
    host: SurveyedHost, notify: Restart | tuple[Restart, ...]
) -> Iterator[Resource]:
    """Yield the parameters that must not have some values beside the guide's."""
    for name in OTHER_CERTIFICATES:
        if name == "smtpd_tls_chain_files" and postfix_version(host) < (3, 4):
            continue
        yield HarmlessParameter(
            name,
            lambda value: not value,
            reason="clients would be shown that certificate instead of smtpd_tls_cert_file's; to "
            "keep it, name it with tls_cert and tls_key in the inventory",
            notify=notify,
        )
    yield HarmlessParameter(
        "smtpd_tls_wrappermode",
        lambda value: value != "yes",
        reason="port 25 would speak TLS only, and no other server could deliver",
        notify=notify,
    )
    limit = int(host["message_size_limit"])
    for name, program in (("mailbox_size_limit", "local"), ("virtual_mailbox_limit", "virtual")):
        yield HarmlessParameter(
            name,
            lambda value: _holds(value, limit),
            str(limit) if 0 < limit <= MAILBOX_SIZE_LIMIT else "0",
            reason=f"{program}(8) delivers nothing while a message may be bigger than a mailbox",
            notify=notify,
        )


def _holds(value: str, limit: int) -> bool:
    """Return whether a mailbox of at most `value` bytes can hold a message of `limit` bytes."""
    # What an old Postfix has not expanded may well be enough.
    return not value.isdigit() or int(value) == 0 or 0 < limit <= int(value)


def _words(state: State, name: str) -> list[str]:
    return re.split(r"[\s,]+", str(state.get(name, "")).strip()) if state.get(name) else []


def _restore(name: str) -> str:
    """Return the remedy that gives a parameter its default again."""
    return f"if it is not meant: postconf '-#' {name} && postfix reload"


def _differs(name: str, value: str, what: str) -> Callable[[State], str]:
    def find(state: State) -> str:
        found = str(state.get(name, value))
        return "" if found == value else f"{name} is {found!r}: {what}; {_restore(name)}"

    return find


def _contains(name: str, bad: tuple[str, ...], what: str) -> Callable[[State], str]:
    def find(state: State) -> str:
        found = [word for word in _words(state, name) if word.lower() in bad]
        return f"{name} has {', '.join(found)}: {what}; {_restore(name)}" if found else ""

    return find


def _local_transport(state: State) -> str:
    found = str(state.get("local_transport", "local"))
    if found.partition(":")[0] in ("local", "$local_transport"):
        return ""
    return (
        f"local_transport is {found!r}: mail for root and postmaster of the server does not reach "
        f"the aliases; {_restore('local_transport')}"
    )


def _lost_aliases(state: State) -> str:
    if "no_address_mappings" not in _words(state, "receive_override_options"):
        return ""
    if state.get("content_filter"):
        return ""  # The filter's own entry of master.cf maps the addresses.
    return (
        "receive_override_options has no_address_mappings, and no content_filter brings mail back: "
        f"forwardings have no effect; {_restore('receive_override_options')}"
    )


def _disabled(state: State) -> str:
    """Return the services of the guide that master_service_disable switches off (master(5))."""
    ours = ("submission.inet", "smtps.inet", "smtp.inet", "dovecot.unix", "proxymap.unix")
    off = [
        service
        for service in ours
        for word in _words(state, "master_service_disable")
        # A type, or a name and a type: `inet`, `submission.inet`, `submission/inet`.
        if word.replace("/", ".") in (service, service.rpartition(".")[2])
    ]
    if not off:
        return ""
    return (
        f"master_service_disable switches off {', '.join(dict.fromkeys(off))}; "
        f"{_restore('master_service_disable')}"
    )


MAIN_ADVICE: Mapping[str, Callable[[State], str]] = {
    "mail_owner": _differs(
        "mail_owner", "postfix", "the lookup maps can be read by the group postfix only"
    ),
    "queue_directory": _differs(
        "queue_directory",
        "/var/spool/postfix",
        "Dovecot makes its sockets for logins below /var/spool/postfix",
    ),
    "local_transport": _local_transport,
    "receive_override_options": _lost_aliases,
    "master_service_disable": _disabled,
    "defer_transports": _contains(
        "defer_transports", ("dovecot", "local"), "mail that goes there waits until `postqueue -f`"
    ),
    "soft_bounce": _differs(
        "soft_bounce", "no", "unknown recipients get 450 instead of 550, and senders retry for days"
    ),
    "smtpd_discard_ehlo_keywords": _contains(
        "smtpd_discard_ehlo_keywords", ("starttls", "auth"), "clients are not offered it"
    ),
    "smtpd_sasl_security_options": _contains(
        "smtpd_sasl_security_options",
        ("noplaintext",),
        "logins without TLS with PLAIN and LOGIN, the only mechanisms here, are not offered",
    ),
    "smtpd_sasl_tls_security_options": _contains(
        "smtpd_sasl_tls_security_options",
        ("noplaintext",),
        "no login works: PLAIN and LOGIN are the only mechanisms here",
    ),
    "smtpd_tls_req_ccert": _differs(
        "smtpd_tls_req_ccert", "no", "ports 587 and 465 ask mail clients for a certificate"
    ),
}


def _twice(state: State) -> str:
    found = "; ".join(f"{name} (lines {lines})" for name, lines in state.items())
    return f"main.cf sets more than once: {found}; the last counts, so take the others out"


def options(entry: str) -> dict[str, str]:
    """Return the parameters that an entry of master.cf sets with -o (master(5))."""
    words = iter(re.findall(r"-o|\{[^}]*\}|\S+", " ".join(entry.split()[8:])))
    found = {}
    for word in words:
        # `-o name=value` or `-oname=value`, which the pattern splits, or `-o { name = value }`.
        if word == "-o":
            name, equals, value = next(words, "").strip("{} ").partition("=")
            if equals:
                found[name.strip()] = value.strip()
    return found


def overridden(
    entries: State, parameters: Mapping[str, str | None], undo: Callable[[str, str], str]
) -> str:
    """Return a warning of parameters of ours that services of master.cf have otherwise.

    Only services that the guide's mail comes through count: those of port 25 and the shared ones.
    """
    found = []
    for service, entry in entries.items():
        program = str(entry).split()[7].rpartition("/")[2]
        comes_in = service == "smtpd/pass" or port_of(service) == 25
        if not (comes_in and program == "smtpd") and SHARED.get(service) != program:
            continue
        for name, value in options(str(entry)).items():
            wanted = parameters.get(name, "" if name in OTHER_CERTIFICATES else value)
            if " ".join(value.split()) != (wanted or ""):
                found.append(f"{service} sets {name}={value} ({undo(service, name)})")
    if not found:
        return ""
    return f"master.cf overrides main.cf: {'; '.join(found)}"


def _missing(entries: State) -> str:
    names = {service.rpartition("/")[0] for service in entries}
    found = []
    if not any(port_of(service) == 25 for service in entries):
        found.append(
            "no service on port 25, so no server can deliver here (add it: "
            "echo 'smtp inet n - n - - smtpd' >>/etc/postfix/master.cf && postfix reload)"
        )
    if lost := [name for name in NEEDED if name not in names]:
        found.append(
            f"no {', '.join(lost)} (add what is missing: postfix upgrade-configuration && "
            "postfix reload)"
        )
    return f"master.cf has {'; and '.join(found)}" if found else ""


def _other_entries(entries: State) -> str:
    found = []
    for port, names in PORTS.items():
        others = [service for service in entries if port_of(service) == port]
        others = [service for service in others if service != f"{names[0]}/inet"]
        if port != 25 and others:
            found.append(f"{', '.join(others)} for port {port} in place of {names[0]}/inet")
    if not found:
        return ""
    return (
        f"master.cf has entries of its own, which stay: {'; '.join(found)}; without them the next "
        "deploy adds the guide's"
    )


def advice(host: SurveyedHost, parameters: Mapping[str, str | None]) -> Iterator[Resource]:
    """Yield the warnings about what is in force beside the guide's parameters."""

    def undo(service: str, name: str) -> str:
        # -P: RELEASE_NOTES-2.11.
        if postfix_version(host) >= (2, 11):
            return f"undo: postconf -PX {service}/{name} && postfix reload"
        return f"undo: take it out of {MASTER}, then postfix reload"

    yield TextAdvice("parameters set twice", _twice)
    for name, find in MAIN_ADVICE.items():
        yield MainAdvice(name, find)
    yield MasterAdvice("overridden parameters", lambda e: overridden(e, parameters, undo))
    yield MasterAdvice("missing services", _missing)
    if host.flag("submission"):
        yield MasterAdvice("other entries", _other_entries)
