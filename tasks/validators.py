"""Validators of the inventory's variables: each returns a value in its normal form, or refuses it.

Every value that a template, a statement or a command will see has passed one of these.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from pathlib import Path

from fabfile.model.variables import InvalidValue

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
LARGEST_NUMBER = 2**31 - 1
"""The largest number that Postfix 2.6 can read."""
LOCAL_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Characters that option files of MySQL and maps of Postfix and Dovecot read back unchanged.
LONGEST_PASSWORD = 200
"""Maximum length of a password, in characters. Programs differ in how long a line they read."""
PASSWORD = re.compile(r"(?!<)[A-Za-z0-9!&()*+,./:<=>?@\[\]^_|~-]+")


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
    # Load it on demand: it takes longer than all our modules.
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
    # A zone after % has a meaning on one machine only (RFC 4007).
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
        _refuse_open_relay(network)
        # Without brackets Postfix takes what is in front of a colon for a kind of table.
        address, _, bits = str(network).partition("/")
        found.append(f"{address}/{bits}" if network.version == 4 else f"[{address}]/{bits}")
    return " ".join(found)


IPV4_IN_IPV6 = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
"""Networks that hold all of IPv4: mapped addresses (RFC 4291) and NAT64 (RFC 6052)."""


def _refuse_open_relay(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    """Raise InvalidValue for a public network that is bigger than an organisation's own.

    Each machine in it may send mail to all the world without a login.
    """
    for prefix in IPV4_IN_IPV6:
        if network.version == 6 and network.subnet_of(prefix):
            last_bits = int(network.network_address) & 0xFFFFFFFF
            network = ipaddress.IPv4Network((last_bits, network.prefixlen - prefix.prefixlen))
    shortest = 16 if network.version == 4 else 48
    if network.prefixlen < shortest and network.is_global:
        raise InvalidValue(
            f"private networks, or public ones of /{shortest} and smaller ({network} would make "
            "an open relay)"
        )


def path(value: str) -> str:
    """Return an absolute path without characters that are special in a configuration file."""
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
    """Return a password that all files can hold that need it."""
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
