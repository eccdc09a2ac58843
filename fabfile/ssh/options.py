"""What mailfab does with each option of ssh_config(5) that `ssh -G` prints.

Each option is in one of three tables: USED, HARMLESS or REFUSED. An option in none of them, of a
newer ssh, is refused unless it has its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """An option that mailfab cannot honour."""

    remedy: str
    fine: tuple[str, ...] = ("none",)
    """Values that change nothing."""


USED = {
    "host": "the name that was asked about",
    "hostname": "host",
    "user": "user",
    "port": "port",
    "identityfile": "identity_files",
    "certificatefile": "certificate_files",
    "identitiesonly": "identities_only",
    "identityagent": "identity_agent",
    "userknownhostsfile": "known_hosts_files",
    "globalknownhostsfile": "known_hosts_files",
    "hostkeyalias": "host_key_alias",
    "hostkeyalgorithms": "host_key_algorithms",
    "kexalgorithms": "kex_algorithms",
    "ciphers": "ciphers",
    "macs": "macs",
    "pubkeyacceptedalgorithms": "pubkey_algorithms",
    "pubkeyacceptedkeytypes": "pubkey_algorithms",
    "casignaturealgorithms": "ca_signature_algorithms",
    "requiredrsasize": "required_rsa_size",
    "stricthostkeychecking": "strict_host_key_checking",
    "proxyjump": "gateway",
    "proxycommand": "proxy_command",
    "connecttimeout": "connect_timeout",
    "connectionattempts": "connection_attempts",
    "addressfamily": "address_family",
    "bindaddress": "bind_address",
    "forwardagent": "forward_agent",
    "pubkeyauthentication": "keys, identity_files and identity_agent",
    "passwordauthentication": "password",
    "kbdinteractiveauthentication": "password",
    "challengeresponseauthentication": "password",
    "preferredauthentications": "keys and password",
}
"""Options that mailfab does as ssh does, with the fields of Login that hold them."""

_DISPLAY = "it changes what ssh prints"
_FORWARD = "mailfab opens its own channels and needs no forwarding; the way to the host is the same"
_TERMINAL = "mailfab's scripts need no terminal and have their own standard input"
_RESOLVED = "ssh applies it before it prints the host name, which mailfab uses"
_OTHER_METHOD = (
    "mailfab logs in with keys and passwords; a server that takes neither refuses the login"
)
_MASTER = "mailfab shares one connection among its tasks by itself"
_STRICT = "mailfab is stricter: a host key counts only if a known_hosts file has it"
_KEEPALIVE = "mailfab has its own limits for silent connections"
_ENVIRONMENT = "mailfab's scripts set their own environment"

HARMLESS: Mapping[str, str] = {
    "addkeystoagent": "it stores keys in the agent and does not change which are used",
    "batchmode": "mailfab asks nothing during a login in any case",
    "canonicaldomains": _RESOLVED,
    "canonicalizefallbacklocal": _RESOLVED,
    "canonicalizehostname": _RESOLVED,
    "canonicalizemaxdots": _RESOLVED,
    "canonicalizepermittedcnames": _RESOLVED,
    "channeltimeout": _KEEPALIVE,
    "clearallforwardings": _FORWARD,
    "compression": "it changes the speed only",
    "compressionlevel": "it changes the speed only",
    "controlmaster": _MASTER,
    "controlpath": _MASTER,
    "controlpersist": _MASTER,
    "dynamicforward": _FORWARD,
    "enableescapecommandline": _TERMINAL,
    "enablesshkeysign": _OTHER_METHOD,
    "escapechar": _TERMINAL,
    "exitonforwardfailure": _FORWARD,
    "fingerprinthash": _DISPLAY,
    "forkafterauthentication": _TERMINAL,
    "forwardx11": _FORWARD,
    "forwardx11timeout": _FORWARD,
    "forwardx11trusted": _FORWARD,
    "gatewayports": _FORWARD,
    "gssapiauthentication": _OTHER_METHOD,
    "gssapiclientidentity": _OTHER_METHOD,
    "gssapidelegatecredentials": _OTHER_METHOD,
    "gssapikexalgorithms": _OTHER_METHOD,
    "gssapikeyexchange": _OTHER_METHOD,
    "gssapirenewalforcesrekey": _OTHER_METHOD,
    "gssapiserveridentity": _OTHER_METHOD,
    "gssapitrustdns": _OTHER_METHOD,
    "hashknownhosts": "mailfab adds nothing to known_hosts files",
    "hostbasedacceptedalgorithms": _OTHER_METHOD,
    "hostbasedauthentication": _OTHER_METHOD,
    "hostbasedkeytypes": _OTHER_METHOD,
    "ignoreunknown": "ssh has applied it",
    "ipqos": "it marks packets and does not change where they go",
    "kbdinteractivedevices": "the server chooses its questions",
    "localforward": _FORWARD,
    "loglevel": _DISPLAY,
    "logverbose": _DISPLAY,
    "nohostauthenticationforlocalhost": _STRICT,
    "numberofpasswordprompts": "mailfab tries a password once",
    "obscurekeystroketiming": _TERMINAL,
    "permitlocalcommand": "it allows LocalCommand, which has a row of its own",
    "permitremoteopen": _FORWARD,
    "proxyusefdpass": "with a ProxyCommand, `refused` refuses it; without, it does nothing",
    "rekeylimit": "mailfab renews session keys by paramiko's limits",
    "remoteforward": _FORWARD,
    "requesttty": _TERMINAL,
    "securitykeyprovider": "keys on security keys are used through the agent only",
    "sendenv": _ENVIRONMENT,
    "serveralivecountmax": _KEEPALIVE,
    "serveraliveinterval": _KEEPALIVE,
    "setenv": _ENVIRONMENT,
    "stdinnull": _TERMINAL,
    "streamlocalbindmask": _FORWARD,
    "streamlocalbindunlink": _FORWARD,
    "syslogfacility": _DISPLAY,
    "tag": "Match reads it; ssh has applied it",
    "tcpkeepalive": _KEEPALIVE,
    "tunnel": _FORWARD,
    "tunneldevice": _FORWARD,
    "updatehostkeys": "mailfab adds nothing to known_hosts files",
    "useprivilegedport": "servers have not looked at it since rsh",
    "verifyhostkeydns": _STRICT,
    "versionaddendum": _DISPLAY,
    "visualhostkey": _DISPLAY,
    "warnweakcrypto": _DISPLAY,
    "xauthlocation": _FORWARD,
}
"""Options that mailfab need not do, and why."""

_EXCEPT = "Write it in a block that does not match this host"

REFUSED = {
    "bindinterface": Refused("Give BindAddress with the address of the interface"),
    "checkhostip": Refused(
        "Set CheckHostIP to no, as it is in OpenSSH 8.5 and newer", ("no", "false")
    ),
    "knownhostscommand": Refused(
        "Write what the command prints into a file, and name it with UserKnownHostsFile"
    ),
    "localcommand": Refused(f"{_EXCEPT}, or run the command before mailfab"),
    "pkcs11provider": Refused("Add the card's keys to the agent: ssh-add -s LIBRARY"),
    "refuseconnection": Refused("ssh refuses this host on purpose"),
    "remotecommand": Refused(f"{_EXCEPT}; ssh HOST COMMAND fails with it as well"),
    "revokedhostkeys": Refused(
        "Write the revoked keys as @revoked lines into a file of UserKnownHostsFile"
    ),
    "sessiontype": Refused(f"{_EXCEPT}; ssh HOST COMMAND fails with it as well", ("default",)),
}
"""Options that mailfab cannot honour, and how to go on."""

SPELLING = """
    BindInterface CheckHostIP KnownHostsCommand LocalCommand PKCS11Provider ProxyUseFdpass
    RefuseConnection RemoteCommand RevokedHostKeys SessionType
"""
NAMES = {name.lower(): name for name in SPELLING.split()}
"""The spelling of options in ssh_config(5), for messages."""

Settings = Mapping[str, tuple[str, ...]]
"""The values of each option that `ssh -G` prints, by lower-case name."""


def refused(settings: Settings, default: Settings) -> tuple[str, str] | None:
    """Return what of a host's settings mailfab cannot honour, and a remedy; None for nothing."""
    for name, values in settings.items():
        if name in REFUSED:
            if name == "localcommand" and settings.get("permitlocalcommand") != ("yes",):
                continue
            # CheckHostIP is on by default before OpenSSH 8.5.
            if values != default.get(name) and any(
                value.lower() not in REFUSED[name].fine for value in values
            ):
                return _message(name, values), REFUSED[name].remedy
        elif name not in USED and name not in HARMLESS and values != default.get(name):
            return _message(name, values), f"{_EXCEPT}: mailfab does not know this option"
    if settings.get("proxyusefdpass") == ("yes",) and "proxycommand" in settings:
        remedy = "Let ProxyCommand copy the data itself (nc without -F, or ssh -W)"
        return _message("proxyusefdpass", ("yes",)), remedy
    return None


def _message(name: str, values: tuple[str, ...]) -> str:
    return f"{NAMES.get(name, name)} is {' '.join(values)[:200]!r}, which mailfab cannot honour"
