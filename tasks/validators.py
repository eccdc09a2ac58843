"""The inventory's variables: one table of names, defaults and rules, and the check of a host's.

Every value that a template, a statement or a command will see has passed its rule here, before
anything is touched.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from fabfile.model.errors import InventoryError
from fabfile.model.host import Host

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
LARGEST_NUMBER = 2**31 - 1
"""What Postfix 2.6 can read."""
LONGEST = 8192
"""Characters of a value; a survey asks about some of them in one command line."""
LOCAL_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What MySQL's option files, Postfix's and Dovecot's maps all read back as it was written.
LONGEST_PASSWORD = 200
"""Characters; how much a line of an option file may have differs between the programs."""
PASSWORD = re.compile(r"(?!<)[A-Za-z0-9!&()*+,./:<=>?@\[\]^_|~-]+")


class InvalidValue(Exception):
    """A value does not obey its rule; the text says what the rule wants."""


def domain_name(value: str) -> str:
    """Return a domain name of at least two labels, in lower case (RFC 1035, 2.3.1)."""
    if len(value) > 253 or not re.fullmatch(rf"{LABEL}(?:\.{LABEL})+", value):
        raise InvalidValue("a domain name such as mail1.example.com")
    if value.rsplit(".", 1)[1].isdigit():
        raise InvalidValue("a name, not an address")
    return value.lower()


def address(value: str) -> str:
    """Return a mail address (RFC 5321) in ASCII, as email-validator normalises it."""
    local, _, domain = value.partition("@")
    if local == "postmaster":
        # Every domain has this one (RFC 5321, 4.5.1).
        with suppress(InvalidValue):
            return f"{local}@{domain_name(domain)}"
    # Loaded when it is used: it takes longer than all of ours together.
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(
            value, strict=True, check_deliverability=False, test_environment=True
        )
    except EmailNotValidError as error:
        raise InvalidValue(f"a mail address such as postmaster@example.com ({error})") from error
    # Postfix reads `|x` and `/x` as commands and files, Dovecot `%x` as a variable.
    if found.ascii_email is None or not LOCAL_PART.fullmatch(found.ascii_local_part or ""):
        raise InvalidValue("a mail address of letters, digits and ._+- before the @")
    return found.ascii_email


def yes_no(value: str) -> str:
    """Return `yes` or `no`, from the words that Ansible takes for them."""
    if value.lower() in ("yes", "true", "on", "1"):
        return "yes"
    if value.lower() in ("no", "false", "off", "0"):
        return "no"
    raise InvalidValue("yes or no")


def number(value: str) -> str:
    """Return a whole number that is not negative."""
    if not re.fullmatch("[0-9]{1,10}", value) or int(value) > LARGEST_NUMBER:
        raise InvalidValue(f"a whole number up to {LARGEST_NUMBER}")
    return str(int(value))


def machine(value: str) -> str:
    """Return the name or address of a machine."""
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        return value if value == "localhost" else domain_name(value)
    # What follows a % may be anything, and means something on one machine alone (RFC 4007).
    if "%" in value:
        raise InvalidValue("an address without a zone")
    return str(found)


def database_machine(value: str) -> str:
    """Return the name or address of the database's machine; ours listens on IPv4 alone."""
    found = machine(value)
    return "127.0.0.1" if found == "::1" else found


def machines(value: str) -> str:
    """Return several names or addresses of machines, separated by spaces or commas."""
    return " ".join(machine(word) for word in value.replace(",", " ").split())


def networks(value: str) -> str:
    """Return networks as Postfix writes them (mynetworks in postconf(5))."""
    found = []
    for word in value.replace(",", " ").split():
        try:
            network = ipaddress.ip_network(re.sub(r"^\[([^\]]*)\]", r"\1", word))
        except ValueError:
            raise InvalidValue("networks such as 127.0.0.0/8 [::1]/128") from None
        if "%" in word:
            raise InvalidValue("networks without a zone")
        # Without brackets Postfix takes what is in front of a colon for a kind of table.
        address, _, bits = str(network).partition("/")
        found.append(f"{address}/{bits}" if network.version == 4 else f"[{address}]/{bits}")
    return " ".join(found)


def path(value: str) -> str:
    """Return an absolute path without anything that a configuration file would read otherwise."""
    if not re.fullmatch(r"/[A-Za-z0-9._/+@-]{1,1000}", value):
        raise InvalidValue("an absolute path of up to 1000 letters, digits and ._/+@-")
    return value


def local_file(value: str) -> str:
    """Return the path of a text file on this machine that can be read."""
    try:
        file = Path(value).expanduser()
        if not file.is_file():
            raise InvalidValue("a file on this machine, and there is none by that name")
        if "\0" in file.read_text(encoding="utf-8"):
            raise InvalidValue("a text file")
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidValue(f"a text file on this machine that can be read ({error})") from None
    return str(file)


def vault(value: str) -> str:
    """Return `public`, a URL under which a release's repositories are, or nothing."""
    if value.lower() in ("", "off", "no", "false"):
        return ""
    if value == "public" or re.fullmatch(r"(https?|ftp|file)://[A-Za-z0-9._~:/@%+-]+", value):
        return value
    raise InvalidValue("off, public, or a URL such as http://mirror.example.com/centos/6.10")


def is_password(value: str) -> bool:
    """Return whether every file that must hold a database password reads it back unchanged."""
    return PASSWORD.fullmatch(value) is not None


def password(value: str) -> str:
    """Return a password that every file it must stand in can hold."""
    if not is_password(value) or len(value) > LONGEST_PASSWORD:
        raise InvalidValue(
            f"up to {LONGEST_PASSWORD} letters, digits and !&()*+,./:<=>?@[]^_|~-, no < in front"
        )
    return value


def password_scheme(value: str) -> str:
    """Return one of the two schemes that new passwords are hashed with."""
    if value.upper() not in ("SHA512-CRYPT", "BLF-CRYPT"):
        raise InvalidValue("SHA512-CRYPT or BLF-CRYPT")
    return value.upper()


@dataclass(frozen=True)
class Variable:
    """A name that the inventory can set. A default of None means that it stays unset."""

    name: str
    validator: Callable[[str], str]
    default: str | Callable[[Mapping[str, str]], str] | None
    meaning: str


def _domain(variables: Mapping[str, str]) -> str:
    fqdn = variables["fqdn"]
    return fqdn.partition(".")[2] if fqdn.count(".") > 1 else fqdn


VARIABLES = (
    Variable("fqdn", domain_name, None, "the server's full name; the only one that must be set"),
    Variable(
        "domain", domain_name, _domain, "the domain of postmaster; fqdn without its first label"
    ),
    Variable(
        "postmaster", address, lambda v: f"postmaster@{v['domain']}", "who gets mail for root"
    ),
    Variable("updates", yes_no, "no", "install all outstanding updates in `packages`"),
    Variable(
        "vault_url",
        vault,
        "",
        "CentOS 6 and 7: `public` for packages from vault.centos.org, or the URL of a copy of it",
    ),
    Variable("package_lock_timeout", number, "300", "seconds to wait for apt's or yum's lock"),
    Variable("db_host", database_machine, "127.0.0.1", "where the database is"),
    Variable("db_ca", local_file, None, "a PEM file here that proves a database on another host"),
    Variable("db_clients", machines, "", "mail hosts that may use this host's database, over TLS"),
    Variable("tls_cert", path, None, "a certificate on the host (with its chain), PEM"),
    Variable("tls_key", path, None, "the private key of tls_cert"),
    Variable("message_size_limit", number, "30720000", "bytes"),
    Variable("mynetworks", networks, "127.0.0.0/8 [::1]/128", "who may relay without a login"),
    Variable(
        "firewall", yes_no, "yes", "open the mail ports where a firewall is active; `off`: never"
    ),
    Variable("submission", yes_no, "yes", "ports 587 (STARTTLS) and 465 (TLS) for mail clients"),
    Variable(
        "auth_before_tls", yes_no, "no", "passwords in clear text on port 25, as in the guide"
    ),
    Variable(
        "weak_password_schemes",
        yes_no,
        "no",
        "let Dovecot 2.4 take DES and MD5 hashes, until their users have a new password",
    ),
    Variable("password_scheme", password_scheme, "SHA512-CRYPT", "what new passwords become"),
    Variable("quotas", yes_no, "no", "limits of mailboxes, which user.quota sets"),
    Variable("vrfy", yes_no, "no", "let strangers ask which addresses exist, as in the guide"),
    Variable(
        "old_outlook", yes_no, "no", "also offer AUTH= (broken_sasl_auth_clients), as in the guide"
    ),
)

SECRETS = {
    "db_password": "the password of the database account mail_admin",
    "db_lookup_password": "the password of the read-only account that Postfix and Dovecot use",
}
"""Given as they are, or as `env:NAME`, `file:PATH`, `cmd:COMMAND`; made when not given."""

# Read by fabfile/, not by the guide.
CONNECTION = ("ssh_known_hosts", "mailfab_ignore")


def check(host: Host) -> Host:
    """Return the host with every variable checked and every default filled in.

    Raises InventoryError that lists all that is wrong with it.
    """
    given = dict(host.variables)
    ignored = given.get("mailfab_ignore", "").replace(",", " ").split()
    problems = [
        _unknown(name) for name in given if not _is_known(name) and not _is_ignored(name, ignored)
    ]
    checked: dict[str, str] = {}
    for variable in VARIABLES:
        if variable.name in given:
            try:
                if len(given[variable.name]) > LONGEST:
                    raise InvalidValue(f"up to {LONGEST} characters long")
                checked[variable.name] = variable.validator(given[variable.name])
            except InvalidValue as rule:
                problems.append(
                    f"{variable.name} is {given[variable.name][:200]!r}, and should be {rule}"
                )
        elif not callable(variable.default):
            if variable.default is not None:
                checked[variable.name] = variable.default
        elif "fqdn" in checked:
            # Made from what has been checked.
            checked[variable.name] = variable.default({"domain": "", **checked})
    secrets = {}
    for name in SECRETS:
        if name in given:
            try:
                secrets[name] = password(_resolve(given[name], name))
            except InvalidValue as rule:
                problems.append(f"{name} should be {rule} (it is not shown here)")
    problems += _contradictions(given, checked, secrets)
    if problems:
        raise InventoryError(
            f"{host.name}: the inventory's variables cannot be used:"
            + "".join(f"\n      {problem}" for problem in problems),
            "docs/variables.md lists every variable",
        )
    return replace(host, variables=checked, secrets=secrets)


def _contradictions(
    given: Mapping[str, str], checked: Mapping[str, str], secrets: Mapping[str, str]
) -> list[str]:
    problems = []
    if "fqdn" not in given:
        problems.append("fqdn is not set: the server's full name, such as mail1.example.com")
    if ("tls_cert" in given) != ("tls_key" in given):
        problems.append("tls_cert and tls_key go together: set both or neither")
    if checked.get("db_host") not in (*LOOPBACK, None):
        if "db_ca" not in given:
            problems.append(
                "db_host is another machine, so db_ca must name a PEM file here that proves who "
                "answers there (docs/database.md)"
            )
        problems += [
            f"db_host is another machine, so {name} must be set: it is made where the database is"
            for name in SECRETS
            if name not in given
        ]
    return problems


def _is_known(name: str) -> bool:
    known = {variable.name for variable in VARIABLES} | SECRETS.keys()
    return name in known or name in CONNECTION or name.startswith("ansible_")


def _is_ignored(name: str, ignored: list[str]) -> bool:
    return name in ignored or "*" in ignored


def _unknown(name: str) -> str:
    names = [variable.name for variable in VARIABLES] + list(SECRETS)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"if it is for others: mailfab_ignore={name}"
    return f"{name} is not a variable of mailfab; {hint}"


@functools.cache
def _resolve(value: str, variable: str) -> str:
    """Return a secret from where its value says it is."""
    kind, colon, where = value.partition(":")
    if not colon or kind not in ("env", "file", "cmd"):
        return value
    try:
        if kind == "env":
            return os.environ[where]
        if kind == "file":
            return Path(where).expanduser().read_text(encoding="utf-8").strip("\n")
        run = subprocess.run(
            where, shell=True, check=True, stdout=subprocess.PIPE, text=True, timeout=60
        )
        return run.stdout.strip("\n")
    except KeyError:
        raise InventoryError(
            f"{variable}: the environment variable {where} is not set",
            f"export {where}, or give the password in another way (docs/variables.md)",
        ) from None
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        raise InventoryError(
            f"{variable}: {kind}:{where} gave no password: {error}",
            "mend that, or give the password in another way (docs/variables.md)",
        ) from None
