"""Where a host listens, and under which addresses it is reached: facts that need no tool."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from fabfile.model import shell
from fabfile.model.fact import Fact, State, States

Address = IPv4Address | IPv6Address


def address(digits: str) -> Address:
    """Return an address as /proc/net/tcp writes it: 32-bit words, each lowest byte first."""
    words = [bytes.fromhex(digits[n : n + 8])[::-1] for n in range(0, len(digits), 8)]
    packed = b"".join(words)
    if len(packed) == 4:
        return IPv4Address(packed)
    return IPv6Address(packed).ipv4_mapped or IPv6Address(packed)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _parse_listeners(lines: list[str]) -> dict[str, State]:
    found: dict[str, list[str]] = {}
    for line in lines:
        digits, _, port = line.partition(":")
        found.setdefault(str(int(port, 16)), []).append(str(address(digits)))
    return {port: {"addresses": " ".join(dict.fromkeys(them))} for port, them in found.items()}


# State 0A is LISTEN (proc(5)).
LISTENERS = Fact(
    "listeners",
    "cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == \"0A\" { print $2 }'",
    _parse_listeners,
)

ADDRESSES = Fact(
    "addresses",
    shell.program(__file__, "addresses.sh"),
    lambda lines: {line: {"own": True} for line in lines if _is_address(line)},
)


def listening(states: States, port: int) -> list[Address]:
    """Return the addresses on which something listens on a port."""
    state = states.get((LISTENERS.name, str(port)), {"addresses": ""})
    return [ip_address(text) for text in str(state["addresses"]).split()]


def stranger(states: States, trusted: str) -> str | None:
    """Return an address of the host's own that is outside of these networks, IPv4 first.

    What connects from the host to it comes from it, and so is to the host as a stranger is.
    """
    networks = [ip_network(word.replace("[", "").replace("]", "")) for word in trusted.split()]
    own = sorted((key for fact, key in states if fact == ADDRESSES.name), key=lambda a: ":" in a)
    for text in own:
        found = ip_address(text)
        if not found.is_link_local and not any(found in network for network in networks):
            return text
    return None
