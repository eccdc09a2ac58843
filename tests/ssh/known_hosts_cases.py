"""known_hosts files and what ssh and mailfab say to them, as data.

In the lines, {n} is the server's name with its port, {h} the same hashed, {ed}, {ec} and {rsa} its
keys, {xed}, {xec} and {xrsa} the keys of another server, {ca} the authority that has signed its
certificate, and {xca} another one.
"""

from __future__ import annotations

from dataclasses import dataclass

OK = ""
UNKNOWN = "is not known"
CHANGED = "has CHANGED"
REVOKED = "REVOKED"
TYPE = "is of another type"


@dataclass(frozen=True)
class Case:
    """One pair of files."""

    name: str
    server: str
    """The server: `all` has three keys, `ed` and `rsa` one, others a certificate."""
    user: str
    """Lines of the user's file."""
    outcome: str
    """OK, or a part of mailfab's message. ssh logs in for OK only."""
    system: str = ""
    """Lines of the system's file."""
    second: str = ""
    """Lines of another file of the user."""
    alias: str = ""
    algorithms: str = ""


CASES = [
    # Names
    Case("plain name", "all", "{n} {ed}", OK),
    Case("empty files", "all", "", UNKNOWN),
    Case("name without its port is known", "all", "127.0.0.1 {ed}", OK),
    Case("name without its port has another key", "all", "127.0.0.1 {xed}", UNKNOWN),
    Case("another port", "all", "[127.0.0.1]:1 {ed}", UNKNOWN),
    Case("list of names", "all", "a.example.org,{n},b {ed}", OK),
    Case("list with an empty name", "all", "a,,{n} {ed}", OK),
    Case("star", "all", "[127.0.*]:* {ed}", OK),
    Case("star alone", "all", "* {ed}", OK),
    Case("question marks", "all", "[127.?.?.1]:{p} {ed}", OK),
    Case("too many question marks", "all", "[127.??.0.1]:{p} {ed}", UNKNOWN),
    Case("brackets are no class", "all", "[[]127.0.0.1]:{p} {ed}", UNKNOWN),
    Case("star without the port", "all", "127.0.* {ed}", OK),
    Case("negated", "all", "!{n},!127.0.0.1,* {ed}", UNKNOWN),
    Case("negated behind", "all", "*,!{n},!127.0.0.1 {ed}", UNKNOWN),
    Case("another name negated", "all", "!a.example.org,* {ed}", OK),
    Case("negated alone", "all", "!a.example.org {ed}", UNKNOWN),
    Case("negated pattern", "all", "*,!*127.0.* {ed}", UNKNOWN),
    Case("upper case", "all", "A,{n} {ed}", OK),
    Case("hashed", "all", "{h} {ed}", OK),
    Case("hashed other name", "all", "{hx} {ed}", UNKNOWN),
    Case("hashed beside other key", "all", "{h} {xed}", CHANGED),
    Case("hashed without its port", "all", "{hp} {ed}", OK),
    Case("broken hash", "all", "|1|AAAA|AAAA {ed}\n|2|x|y {ed}\n| {ed}\n{n} {ed}", OK),
    # Lines
    Case("comments", "all", "# {n} {xed}\n\n  # x\n{n} {ed} a comment # of words", OK),
    Case("leading blanks", "all", "   \t{n} {ed}", OK),
    Case("tabs between", "all", "{n}\t{edt}", OK),
    Case("carriage returns", "all", "\r\n{n} {ed}\r\n", OK),
    Case("carriage return behind a comment", "all", "{n} {ed} root@a\r\n", OK),
    Case("comment with a byte that is not UTF-8", "all", "{n} {ed} M\udcfcller", OK),
    Case("broken key before", "all", "{n} ssh-ed25519 AAAA\n{n} {ed}", OK),
    Case("broken base64 before", "all", "{n} ssh-ed25519 !!!!\n{n} {ed}", OK),
    Case("key cut off before", "all", "{n} {edcut}\n{n} {rsa}", OK),
    Case("RSA key cut off", "all", "{n} {rsacut}\n{n} {ec}", OK),
    Case("type of another key", "all", "{n} ssh-rsa {edb}\n{n} {ed}", OK),
    Case("name alone", "all", "{n}\n{n} ssh-ed25519\n{n} {ed}", OK),
    Case("unknown type", "all", "{n} ssh-future AAAA\n{n} {rsa}", OK),
    Case("line of SSH protocol 1", "all", "{n} 1024 35 1234567890\n{n} {ed}", OK),
    Case("short RSA key before", "all", "{n} {short}\n{n} {ed}", OK),
    Case("short name of a type", "all", "{n} ED25519 {edb}", UNKNOWN),
    Case("signature algorithm as a type", "all", "{n} rsa-sha2-512 {rsab}", OK),
    Case("invalid marker", "all", "@future {n} {ed}", UNKNOWN),
    Case("two markers", "all", "@revoked @cert-authority {n} {ed}\n{n} {ed}", OK),
    Case("nothing after the key", "all", "{n} {ed}", OK),
    # Types
    Case("only RSA is known", "all", "{n} {rsa}", OK),
    Case("only ECDSA is known", "all", "{n} {ec}", OK),
    Case("several types", "all", "{n} {rsa}\n{n} {ec}\n{n} {ed}", OK),
    Case("RSA is right, ed25519 is not", "all", "{n} {rsa}\n{n} {xed}", CHANGED),
    Case("two keys of a type, one is right", "all", "{n} {xed}\n{n} {ed}", OK),
    Case("known type is no longer offered", "rsa", "{n} {xed}", TYPE),
    Case("changed key", "all", "{n} {xed}", CHANGED),
    Case("changed RSA key", "all", "{n} {xrsa}", CHANGED),
    Case("RSA server", "rsa", "{n} {rsa}", OK),
    Case("DSA key known", "all", "{n} {dsa}\n{n} {rsa}", OK),
    Case("key of a security key known", "all", "{n} {sk}\n{n} {rsa}", OK),
    # Files
    Case("system's file", "all", "", OK, system="{n} {ed}"),
    Case("second file", "all", "{n} {xed}", OK, second="{n} {ed}"),
    Case("first file right", "all", "{n} {ed}", OK, second="{n} {xed}"),
    Case("changed in the user's file, right in the system's", "all", "{n} {xed}", OK, "{n} {ed}"),
    Case("revoked in the system's file", "all", "{n} {ed}", REVOKED, "@revoked * {ed}"),
    # Alias
    Case("alias", "all", "mail1 {ed}", OK, alias="mail1"),
    Case("alias has no port", "all", "{n} {ed}", UNKNOWN, alias="mail1"),
    Case("alias in a pattern", "all", "*.example.org {ed}", OK, alias="mail1.example.org"),
    Case("alias in upper case", "all", "mail1 {ed}", OK, alias="MAIL1"),
    Case("alias is of another host", "all", "mail1 {xed}", CHANGED, alias="mail1"),
    # Revoked
    Case("revoked", "all", "{n} {ed}\n@revoked * {ed}", REVOKED),
    Case("revoked before", "all", "@revoked * {ed}\n{n} {ed}", REVOKED),
    Case("revoked for another host", "all", "@revoked a.example.org {ed}\n{n} {ed}", OK),
    Case("another key revoked", "all", "@revoked * {xed}\n{n} {ed}", OK),
    Case("revoked and not known", "all", "@revoked * {ed}", REVOKED),
    Case("revoked by hashed name", "all", "@revoked {h} {ed}\n{n} {ed}", REVOKED),
    Case("ed25519 is revoked, RSA is known", "all", "@revoked * {ed}\n{n} {ed}\n{n} {rsa}", OK),
    Case("revoked, indented", "all", "{n} {ed}\n \t@revoked * {ed}", REVOKED),
    Case("revoked with several blanks", "all", "{n} {ed}\n@revoked   *   {ed}", REVOKED),
    Case("revoked without the port", "all", "127.0.0.1 {ed}\n@revoked 127.0.0.1 {ed}", REVOKED),
    Case("revoked, negated", "all", "{n} {ed}\n@revoked *,!{n} {ed}", OK),
    # Certificates
    Case("certificate", "cert", "@cert-authority {n} {ca}", OK),
    Case("certificate by pattern", "cert", "@cert-authority * {ca}", OK),
    Case("certificate without the port", "cert", "@cert-authority 127.0.0.1 {ca}", OK),
    Case("unknown authority", "cert", "@cert-authority * {xca}", "which no @cert-authority line"),
    Case("authority is no host key", "cert", "{n} {ca}", CHANGED),
    Case("key of a certificate is known", "cert", "{n} {ed}", OK),
    Case("unknown authority, known key", "cert", "@cert-authority * {xca}\n{n} {ed}", OK),
    Case("authority revoked", "cert", "@cert-authority * {ca}\n@revoked * {ca}", REVOKED),
    Case("authority revoked, known key", "cert", "{n} {ed}\n@revoked * {ca}", REVOKED),
    Case("certified key revoked", "cert", "@cert-authority * {ca}\n@revoked * {ed}", REVOKED),
    Case("authority in the system's file", "cert", "", OK, system="@cert-authority * {ca}"),
    Case("authority negated", "cert", "@cert-authority *,!{n},!127.0.0.1 {ca}", UNKNOWN),
    Case("certificate for an alias", "cert", "@cert-authority m* {ca}", OK, alias="mail1"),
    Case("certificate, other alias", "cert", "@cert-authority * {ca}", "it is for", alias="mail2"),
    Case("other alias, known key", "cert", "@cert-authority * {ca}\nm {ed}", OK, alias="m"),
    Case("authority of a server without", "all", "@cert-authority * {ca}\n{n} {ed}", OK),
    Case("authority alone", "all", "@cert-authority * {ca}", UNKNOWN),
    Case("wrong key beside the authority", "cert", "{n} {xed}\n@cert-authority * {ca}", OK),
    Case("RSA known, certificate for ed25519", "cert", "{n} {rsa}\n@cert-authority * {ca}", OK),
    Case("tab behind the marker", "cert", "@cert-authority\t* {ca}", UNKNOWN),
    Case("expired certificate", "expired", "@cert-authority * {ca}", "it expired at 2001-"),
    Case("expired certificate, known key", "expired", "@cert-authority * {ca}\n{n} {ed}", OK),
    Case("certificate of the future", "future", "@cert-authority * {ca}", "it is valid from 2"),
    Case("certificate for no name", "noname", "@cert-authority * {ca}", OK),
    Case("certificate for another name", "other", "@cert-authority * {ca}", "not for 127.0.0.1"),
    Case("certificate for a pattern", "pattern", "@cert-authority * {ca}", "not for 127.0.0.1"),
    Case("critical option", "critical", "@cert-authority * {ca}", "critical options"),
    Case("authority with an RSA key", "rsaca", "@cert-authority * {rsaca}", OK),
    Case("SHA-1 signature", "sha1ca", "@cert-authority * {rsaca}", "its signature is ssh-rsa"),
    # HostKeyAlgorithms
    Case("algorithm asked for", "all", "{n} {rsa}", OK, algorithms="rsa-sha2-512"),
    Case("order asked for", "all", "{n} {rsa}", TYPE, algorithms="ssh-ed25519,rsa-sha2-256"),
    Case("two algorithms", "all", "{n} {rsa}", OK, algorithms="rsa-sha2-256,ssh-ed25519"),
    Case("plain keys asked for", "cert", "{n} {ed}", OK, algorithms="ssh-ed25519"),
    Case("no plain keys", "cert", "@cert-authority * {ca}", UNKNOWN, algorithms="ssh-ed25519"),
]
