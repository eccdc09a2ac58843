"""What takes the effect from the guide's Postfix is put right or named; what does not is left."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fabfile.model.fact import State, States
from fabfile.model.host import Host, Platform
from fabfile.model.redact import SecretValue
from fabfile.model.resource import Resource, changes
from tasks.conflicts import MAIN_ADVICE
from tasks.guide import GUIDE
from tasks.resources.in_force import IN_FORCE, Advice, HarmlessParameter
from tasks.resources.postconf import PARAMETERS, SERVICES, MasterService, PostconfParameter, port_of


def resources(release: str = "12", **variables: str) -> list[Resource]:
    """Return the resources of the section postfix."""
    host = GUIDE.validate(Host.from_inventory("m", {"fqdn": "m.example.org", **variables}))
    family, _, version = release.rpartition(" ")
    secrets = {secret.name: SecretValue("x") for secret in GUIDE.secrets}
    (section,) = GUIDE.named(["postfix"])
    return section(host.surveyed(Platform(family or "debian", version), secrets))


def changed(parameters: dict[str, str], **variables: str) -> Mapping[str, object]:
    """Return the changes of parameters that must be harmless, with these in force."""
    states: States = {(IN_FORCE.name, k): {"value": v} for k, v in parameters.items()}
    found = [r for r in resources(**variables) if isinstance(r, HarmlessParameter)]
    return {c.resource.key: c.differences["value"][1] for c in changes(found, states)}


@pytest.mark.parametrize(
    ("found", "limit", "wanted"),
    [
        ({"mailbox_size_limit": "10240000"}, "30720000", {"mailbox_size_limit": "30720000"}),
        ({"virtual_mailbox_limit": "1"}, "30720000", {"virtual_mailbox_limit": "30720000"}),
        ({"mailbox_size_limit": "51200000"}, "60000000", {"mailbox_size_limit": "0"}),
        ({"mailbox_size_limit": "51200000"}, "0", {"mailbox_size_limit": "0"}),
        ({"mailbox_size_limit": "0"}, "60000000", {}),
        ({"mailbox_size_limit": "30720000"}, "30720000", {}),
        ({"mailbox_size_limit": "$message_size_limit"}, "30720000", {}),
    ],
)
def test_mailbox_that_cannot_hold_a_message_is_made_bigger(
    found: dict[str, str], limit: str, wanted: dict[str, str]
) -> None:
    assert changed(found, message_size_limit=limit) == wanted


@pytest.mark.parametrize(
    "name",
    ["smtpd_tls_chain_files", "smtpd_tls_eccert_file"],
)
def test_certificate_in_place_of_ours_is_taken_out(name: str) -> None:
    assert changed({name: "/etc/x.pem"}) == {name: None}
    assert changed({name: ""}) == {}


def test_wrapper_mode_of_all_ports_is_taken_out() -> None:
    assert changed({"smtpd_tls_wrappermode": "yes"}) == {"smtpd_tls_wrappermode": None}


@pytest.mark.parametrize(
    ("name", "state", "says"),
    [
        ("mail_owner", {"mail_owner": "mailer"}, "can be read by the group postfix only"),
        ("mail_owner", {"mail_owner": "postfix"}, ""),
        ("queue_directory", {"queue_directory": "/srv/spool"}, "Dovecot makes its sockets"),
        ("local_transport", {"local_transport": "error:no local mail"}, "does not reach"),
        ("local_transport", {"local_transport": "local:$myhostname"}, ""),
        (
            "receive_override_options",
            {"receive_override_options": "no_address_mappings", "content_filter": ""},
            "forwardings have no effect",
        ),
        (
            "receive_override_options",
            {"receive_override_options": "no_address_mappings", "content_filter": "amavis:[::1]:1"},
            "",
        ),
        ("master_service_disable", {"master_service_disable": "inet"}, "switches off"),
        ("master_service_disable", {"master_service_disable": "smtp/inet"}, "off smtp.inet;"),
        ("master_service_disable", {"master_service_disable": "flush.unix"}, ""),
        ("defer_transports", {"defer_transports": "uucp, dovecot"}, "has dovecot"),
        ("soft_bounce", {"soft_bounce": "yes"}, "450 instead of 550"),
        (
            "smtpd_discard_ehlo_keywords",
            {"smtpd_discard_ehlo_keywords": "silent-discard, STARTTLS"},
            "has STARTTLS",
        ),
        ("smtpd_discard_ehlo_keywords", {"smtpd_discard_ehlo_keywords": "dsn"}, ""),
        (
            "smtpd_sasl_tls_security_options",
            {"smtpd_sasl_tls_security_options": "noanonymous, noplaintext"},
            "no login works",
        ),
        ("smtpd_tls_req_ccert", {"smtpd_tls_req_ccert": "yes"}, "certificate"),
    ],
)
def test_parameter_that_may_be_meant_is_named_with_a_remedy(
    name: str, state: State, says: str
) -> None:
    found = MAIN_ADVICE[name](state)
    assert says in found
    assert bool(found) == bool(says)
    assert not says or f"postconf '-#' {name} && postfix reload" in found


MASTER = """\
smtp      inet  n       -       y       -       -       smtpd
cleanup   unix  n       -       y       -       0       cleanup
rewrite   unix  -       -       y       -       -       trivial-rewrite
bounce    unix  -       -       y       -       0       bounce
defer     unix  -       -       y       -       0       bounce
proxymap  unix  -       -       n       -       -       proxymap
local     unix  -       n       n       -       -       local
anvil     unix  -       -       y       -       1       anvil
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
"""


def warnings(text: str, release: str = "12", **variables: str) -> str:
    """Return the warnings about a master.cf."""
    lines = ["= /etc/postfix/master.cf", *(f"|{line}" for line in text.splitlines())]
    states = SERVICES.parse(lines)
    found = [r for r in resources(release, **variables) if isinstance(r, Advice)]
    return "\n".join(filter(None, (r.warning(states.get("")) for r in found if r.fact is SERVICES)))


def test_usual_master_cf_gives_no_warning() -> None:
    assert warnings(MASTER) == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("smtpd pass - - y - - smtpd -o smtpd_tls_security_level=none", "smtpd_tls_security_level"),
        ("[::]:25 inet n - y - - smtpd -o { smtpd_sasl_auth_enable = no }", "sasl_auth_enable=no"),
        ("192.0.2.1:smtp inet n - y - - smtpd\n -o\n virtual_alias_maps=", "virtual_alias_maps="),
        ("smtpd pass - - y - - smtpd -osmtpd_tls_chain_files=/x", "chain_files=/x"),
        ("cleanup unix n - y - 0 cleanup -o virtual_alias_maps=", "cleanup/unix sets"),
        ("rewrite unix - - n - - trivial-rewrite -o transport_maps=", "rewrite/unix sets"),
        ("qmgr fifo n - n 300 1 qmgr -o virtual_transport=virtual", "qmgr/fifo sets"),
        ("smtpd pass - - y - - smtpd -o message_size_limit=1000", "message_size_limit=1000"),
    ],
)
def test_override_of_our_parameter_is_named_with_the_way_to_undo_it(line: str, says: str) -> None:
    found = warnings(f"{MASTER}{line}\n")
    assert found.startswith("master.cf overrides main.cf: ")
    assert says in found
    assert "postconf -PX" in found
    assert "take it out of /etc/postfix/master.cf" in warnings(f"{MASTER}{line}\n", "el 6")


@pytest.mark.parametrize(
    "line",
    [
        "127.0.0.1:10025 inet n - n - - smtpd -o smtpd_recipient_restrictions=permit_mynetworks",
        "smtpd pass - - y - - smtpd -o smtpd_tls_security_level=may -o content_filter=scan",
        "pre-cleanup unix n - n - 0 cleanup -o virtual_alias_maps=",
        "amavis unix - - n - 2 lmtp -o smtp_send_xforward_command=yes",
        "smtpd pass - - y - - smtpd -v -v",
    ],
)
def test_services_that_are_not_the_guides_may_have_their_own(line: str) -> None:
    assert warnings(f"{MASTER}{line}\n") == ""


def test_missing_services_are_named() -> None:
    assert "no service on port 25" in warnings(MASTER.replace("smtp ", "#smtp "))
    assert "no proxymap (" in warnings(MASTER.replace("proxymap ", "#proxymap ", 1))
    assert "upgrade-configuration" in warnings(MASTER.replace("anvil ", "#anvil ", 1))


@pytest.mark.parametrize(
    ("service", "port"),
    [
        ("submissions/inet", 465),
        ("465/inet", 465),
        ("127.0.0.1:465/inet", 465),
        ("[::]:587/inet", 587),
        ("mail.example.org:submission/inet", 587),
        ("587/inet", 587),
        ("urd/inet", 465),
        ("smtp/inet", 25),
        ("smtp/unix", None),
        ("10025/inet", None),
        ("[::1]:10587/inet", None),
    ],
)
def test_port_of_a_service_is_known_by_any_of_its_names(service: str, port: int | None) -> None:
    assert port_of(service) == port


OURS = {25: "smtp/inet", 465: "smtps/inet", 587: "submission/inet"}


@pytest.mark.parametrize(
    "other", ["submissions", "465", "127.0.0.1:465", "[::]:587", "587", "192.0.2.1:submission"]
)
@pytest.mark.parametrize("ours_too", [False, True])
def test_entry_of_the_administrator_keeps_its_port(other: str, ours_too: bool) -> None:
    ports = [r for r in resources() if isinstance(r, MasterService) and r.type == "inet"]
    mine = OURS[port_of(f"{other}/inet") or 0]
    (service,) = [r for r in ports if r.key == mine]
    text = f"{MASTER}{other} inet n - y - - smtpd\n" + (service.entry if ours_too else "")
    lines = ["= /etc/postfix/master.cf", *(f"|{line}" for line in text.splitlines())]
    states = {(SERVICES.name, key): state for key, state in SERVICES.parse(lines).items()}
    found = {c.resource.key: c.differences["entry"][1] for c in changes(ports, states)}
    # Ours goes, which the plan shows, or it is not made; the other port has ours.
    assert found.get(mine, "not made") == (None if ours_too else "not made")
    assert len(found) == (2 if ours_too else 1)
    assert f"{other}/inet for port" in warnings(text)
    assert warnings(text, submission="no") == ""


def test_parameter_set_twice_is_one_warning_and_the_last_counts() -> None:
    lines = ["= /etc/postfix/main.cf", "|biff = no", "|", "|soft_bounce = no", "|biff = yes", "|x"]
    states = PARAMETERS.parse(lines)
    assert states["biff"] == {"value": "yes"}
    (advice,) = [r for r in resources() if isinstance(r, Advice) and r.fact is PARAMETERS]
    assert "biff (lines 1, 4)" in advice.warning(states[""])
    assert advice.warning(PARAMETERS.parse(lines[:3]).get("")) == ""


@pytest.mark.parametrize(
    ("release", "value", "changes_it"),
    [
        ("el 6", "aNULL, eNULL, EXPORT, DES, RC4", False),
        ("el 6", "RC4 DES,EXPORT:eNULL aNULL, MD5", False),
        ("el 6", "aNULL", True),
        ("el 7", "", True),
    ],
)
def test_weak_ciphers_of_old_versions_are_excluded(
    release: str, value: str, changes_it: bool
) -> None:
    name = "smtpd_tls_exclude_ciphers"
    found = {r.name: r for r in resources(release) if isinstance(r, PostconfParameter)}
    assert bool(found[name].differences({"value": value})) is changes_it
    assert found["smtpd_tls_ciphers"].differences({"value": "export"})
    assert not found["smtpd_tls_ciphers"].differences({"value": "high"})


def test_new_versions_keep_their_own_ciphers() -> None:
    names = {r.name for r in resources("13") if isinstance(r, PostconfParameter)}
    assert "smtpd_tls_ciphers" not in names
