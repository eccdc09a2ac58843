"""The rules for domains, addresses, catch-alls and lists of destinations.

Everything is kept as Postfix and Dovecot look it up: lower case, domains in ASCII (IDNA).
"""

from __future__ import annotations

import idna

from fabfile.model.errors import UsageError
from fabfile.model.variables import InvalidValue
from tasks.validators import address, domain_name


def domain_of_ours(text: str) -> str:
    """Return a domain that can have mail, in lower case and ASCII: bücher.example is xn--…."""
    from email_validator import EmailNotValidError, validate_email

    try:
        # The library knows rules for the domain of an address, and nothing of domains alone.
        found = validate_email(f"a@{text}", check_deliverability=False, test_environment=True)
        return domain_name(found.ascii_domain)
    except (EmailNotValidError, InvalidValue) as reason:
        raise UsageError(
            f"{text!r} should be a domain name such as example.com ({reason})"
        ) from None


def mail_address(text: str) -> tuple[str, str]:
    """Return an address in lower case, as Dovecot looks it up, and its domain."""
    try:
        found = address(text).lower()
    except InvalidValue as rule:
        raise UsageError(f"{text!r} should be {rule}") from None
    return found, found.rpartition("@")[2]


def user_address(text: str) -> tuple[str, str]:
    """Return an address that a mailbox can have, and its domain."""
    user, domain = mail_address(text)
    if "+" in user:
        raise UsageError(
            f"{user}: what follows a + is a tag, and cannot be part of a user's name",
            f"mail for it reaches {without_tag(user)}, where Postfix has recipient_delimiter = +",
        )
    return user, domain


def source_address(text: str) -> tuple[str, str]:
    """Return what can be forwarded, and its domain: an address or, as `@example.com`, the rest."""
    if text.startswith("@"):
        domain = domain_of_ours(text[1:])
        return f"@{domain}", domain
    return mail_address(text)


def destinations(text: str, source: str) -> tuple[str, ...]:
    """Return where mail is to go: addresses with commas in between, each once, in order.

    A catch-all may lead to another domain as a whole (`@example.net`): to the same names there.
    """
    found: dict[str, None] = {}
    for word in text.split(","):
        name = word.strip()
        if name.startswith("@") and not source.startswith("@"):
            raise UsageError(
                f"{source} cannot be forwarded to {name}: one address has no other names there",
                f"name the address, or forward the whole domain: @{source.rpartition('@')[2]}",
            )
        found[source_address(name)[0]] = None
    return tuple(found)


def without_tag(address: str) -> str:
    """Return the address that mail for `name+tag@domain` reaches."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def shown(name: str) -> str:
    """Return a domain or address for people: with what an internationalised domain stands for."""
    local, at, domain = name.rpartition("@")
    if "xn--" not in domain:
        return name
    try:
        return f"{name} ({local}{at}{idna.decode(domain)})"
    except idna.IDNAError:
        return name
