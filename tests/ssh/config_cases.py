"""Configurations of ssh and what ssh makes of them, as data.

{home} is the home folder with .ssh/config. The host is `m` at 192.0.2.10 unless a case says more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A configuration and the variables of a host."""

    name: str
    config: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    """What Ansible gives to ssh for the variables, in its order."""
    files: dict[str, str] = field(default_factory=dict)
    """More files, by their path below the home folder."""
    refused: str = ""
    """A part of mailfab's message; "" where it does as ssh does."""
    ssh_refuses: bool = False


def args(text: str, *words: str, **variables: str) -> dict[str, Any]:
    """Return the fields of a case for ansible_ssh_common_args."""
    return {
        "variables": {"ansible_ssh_common_args": text, **variables},
        "arguments": words,
    }


CASES = [
    # Which blocks count
    Case("host by name", "Host m\n HostName 192.0.2.11\n User a\nHost 192.0.2.10\n User b"),
    Case("star", "Host *\n User a\n Port 2200"),
    Case("first value wins", "Host *\n User a\nHost 192.0.2.10\n User b"),
    Case("before any Host", "User a\nHost other\n User b"),
    Case("pattern", "Host 192.0.2.*\n User a"),
    Case("question mark", "Host 192.0.2.1?\n User a"),
    Case("negated", "Host * !192.0.2.10\n User a"),
    Case("negated alone", "Host !192.0.2.11\n User a"),
    Case("list of patterns", "Host a b 192.0.2.10\n User a"),
    Case("equals sign", "Host=192.0.2.10\n User=a\n Port = 99"),
    Case("quotes", 'Host "192.0.2.10"\n User "a b"'),
    Case("tabs and case", "hOsT\t192.0.2.10\n\tuSeR\ta"),
    Case("comments", "# x\nHost 192.0.2.10 # y\n User a # z\n #User b"),
    Case("carriage returns", "Host 192.0.2.10\r\n User a\r\n"),
    Case("HostName", "Host 192.0.2.10\n HostName 127.0.0.1"),
    Case("HostName with a token", "Host 192.0.2.10\n HostName x%h.example.org"),
    # Match
    Case("Match Host other", "Match Host other\n HostName 192.0.2.99"),
    Case("Match host", "Match host 192.0.2.10\n User a"),
    Case("Match host after HostName", "Host 192.0.2.10\n HostName n\nMatch host n\n User a"),
    Case("Match originalhost", "Match originalhost 192.0.2.10\n User a"),
    Case("Match user", "User a\nMatch user a\n Port 99"),
    Case(
        "Match user of the inventory",
        "Match user z\n Port 99",
        {"ansible_user": "z"},
        ("-oUser=z",),
    ),
    Case("Match localuser", "Match localuser nobody\n Port 99"),
    Case("Match negated", "Match !host other\n Port 99"),
    Case("form feed in a comment", "# a\fHost *\fPort 99\nPort 7\n"),
    Case("line separator in a comment", "# a\u2028Port 99\nInclude ~/.ssh/none\nPort 7\n"),
    Case("next line in a value", "User a\x85b\n"),
    Case("Match all", "Match all\n Port 99"),
    Case("Match final all", "Match final all\n Port 99"),
    Case("Match canonical all", "Match canonical all\n Port 99"),
    Case("Match canonical", "CanonicalizeHostname always\nMatch canonical all\n Port 99"),
    Case("Match exec true", "Match exec true\n User a"),
    Case("Match exec false", "Match exec false\n User a"),
    Case("Match exec with a token", 'Match exec "test %h = 192.0.2.10"\n User a'),
    Case("Match with two criteria", "Match host 192.0.2.10 exec false\n User a"),
    Case(
        "unknown criterion", "Match phase-of-moon full\n User a", refused="line 1", ssh_refuses=True
    ),
    # Include
    Case("Include", "Include {home}/.ssh/more", files={".ssh/more": "Host 192.0.2.10\n User a"}),
    Case(
        "Include with a pattern",
        "Include {home}/.ssh/d/*",
        files={".ssh/d/x": "User a", ".ssh/d/y": "Port 9"},
    ),
    Case("Include in a block", "Host other\n Include {home}/i\nPort 9", files={"i": "User a"}),
    Case(
        "Include in an Include", "Include {home}/i", files={"i": "Include {home}/j", "j": "User a"}
    ),
    Case("Include of nothing", "Include {home}/none\nUser a"),
    # Broken
    Case(
        "unknown option",
        "Host 192.0.2.10\n Foo yes",
        refused="line 2: Bad configuration option: foo",
        ssh_refuses=True,
    ),
    Case("unknown option ignored", "IgnoreUnknown Foo\nHost *\n Foo yes\n User a"),
    Case("no number", "Port x", refused="line 1", ssh_refuses=True),
    Case("open quote", 'User "a', refused="line 1", ssh_refuses=True),
    Case(
        "unknown option in another block",
        "Host other\n Foo yes",
        refused="line 2",
        ssh_refuses=True,
    ),
    # Keys
    Case("IdentityFile", "IdentityFile {home}/k\nIdentityFile ~/.ssh/id_x"),
    Case("IdentityFile none", "IdentityFile none"),
    Case("IdentityFile with tokens", "IdentityFile {home}/%r-%h-%p-%n-%%-%u-%i"),
    Case("IdentitiesOnly", "IdentitiesOnly yes\nCertificateFile {home}/c-%r"),
    Case("IdentityAgent", "IdentityAgent {home}/agent"),
    Case("IdentityAgent none", "IdentityAgent none"),
    Case("IdentityAgent variable", "IdentityAgent SSH_AUTH_SOCK"),
    Case(
        "key of the inventory",
        "IdentityFile {home}/k",
        {"ansible_ssh_private_key_file": "/z/%y"},
        ("-oIdentityFile=/z/%%y",),
    ),
    Case("PKCS11Provider", "PKCS11Provider /lib/x.so", refused="PKCS11Provider is '/lib/x.so'"),
    # Host keys
    Case("UserKnownHostsFile", "UserKnownHostsFile {home}/a {home}/b-%h"),
    Case("UserKnownHostsFile none", "UserKnownHostsFile none"),
    Case("GlobalKnownHostsFile", "GlobalKnownHostsFile {home}/g"),
    Case("HostKeyAlias", "HostKeyAlias Mail1"),
    Case("StrictHostKeyChecking", "StrictHostKeyChecking accept-new"),
    Case("HostKeyAlgorithms", "HostKeyAlgorithms ssh-ed25519"),
    Case("algorithms", "Ciphers aes256-ctr\nMACs hmac-sha2-256\nKexAlgorithms curve25519-sha256"),
    Case("algorithms taken away", "Ciphers -chacha20*"),
    Case("KnownHostsCommand", "KnownHostsCommand /bin/echo %H", refused="KnownHostsCommand is"),
    Case("RevokedHostKeys", "RevokedHostKeys {home}/krl", refused="RevokedHostKeys is"),
    Case("CheckHostIP", "CheckHostIP yes", refused="CheckHostIP is"),
    # The way
    Case("ProxyJump", "Host 192.0.2.10\n ProxyJump gate"),
    Case(
        "ProxyJump with a user and a port",
        "Host 192.0.2.10\n ProxyJump u@gate:2200\nHost gate\n User v",
    ),
    Case(
        "ProxyJump of several hops", "Host 192.0.2.10\n ProxyJump one,two@h2:22,ssh://three@h3:33"
    ),
    Case(
        "ProxyJump of a block",
        "Host gate\n HostName 192.0.2.1\n Port 9\nHost 192.0.2.10\n ProxyJump gate",
    ),
    Case(
        "ProxyJump of a jump host", "Host gate\n ProxyJump outer\nHost 192.0.2.10\n ProxyJump gate"
    ),
    Case("ProxyJump none", "Host 192.0.2.10\n ProxyJump none\nHost *\n ProxyJump gate"),
    Case("ProxyJump to an IPv6 address", "Host 192.0.2.10\n ProxyJump u@[2001:db8::1]:22"),
    Case("ProxyCommand", "ProxyCommand nc %h %p %r %n %%"),
    Case("ProxyCommand none", "ProxyCommand none\nProxyJump gate"),
    Case("ProxyUseFdpass", "ProxyCommand x\nProxyUseFdpass yes", refused="ProxyUseFdpass is"),
    Case("ConnectTimeout", "ConnectTimeout 3\nConnectionAttempts 2"),
    Case("AddressFamily", "AddressFamily inet\nBindAddress 127.0.0.1"),
    Case("BindInterface", "BindInterface lo", refused="BindInterface is"),
    Case("RemoteCommand", "RemoteCommand top", refused="RemoteCommand is"),
    Case("LocalCommand", "PermitLocalCommand yes\nLocalCommand date", refused="LocalCommand is"),
    Case("LocalCommand that is not permitted", "LocalCommand date"),
    Case(
        "forwards and a shared connection",
        "LocalForward 8080 a:80\nControlMaster auto\nControlPath {home}/%C",
    ),
    # The inventory's arguments
    Case("-J", **args("-Jgate", "-Jgate")),
    Case(
        "-J in front of the configuration",
        "Host 192.0.2.10\n ProxyJump other",
        **args("-J gate", "-Jgate"),
    ),
    Case("-J none", "Host *\n ProxyJump other", **args("-J none", "-Jnone")),
    Case(
        "ProxyCommand in arguments",
        **args('-o ProxyCommand="ssh -W %h:%p gate"', "-oProxyCommand=ssh -W %h:%p gate"),
    ),
    Case(
        "options of every form",
        **args(
            "-4CoPort=3 -p 4 -l me -i /k -o 'User = you'",
            "-4",
            "-oPort=3",
            "-lme",
            "-i/k",
            "-oUser=you",
        ),
    ),
    Case("port of the inventory first", "Port 5", **args("-p 4", "-p3", "-p4", ansible_port="3")),
    Case(
        "ansible_ssh_args first",
        "",
        {"ansible_ssh_args": "-oPort=7", "ansible_port": "3"},
        ("-oPort=7",),
    ),
    Case("ansible_ssh_extra_args", "", {"ansible_ssh_extra_args": "-oPort=7"}, ("-oPort=7",)),
    Case("another file", "User a", files={"f": "User b"}, **args("-F {home}/f", "-F{home}/f")),
    Case(
        "unknown option in arguments",
        refused="Bad configuration option",
        ssh_refuses=True,
        **args("-o Foo=x", "-oFoo=x"),
    ),
    Case("-W", refused="-W cannot be honoured", **args("-W a:22")),
    Case("-I", refused="-I cannot be honoured", **args("-I /x.so")),
    Case("a word", refused="'gate' is not an option", **args("gate")),
]
