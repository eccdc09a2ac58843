"""What is in force in Postfix: parameters as postconf(1) tells them, and entries of master.cf.

main.cf may hold parameters that take the effect away from those of the guide, and master.cf may
override both for one service. The first are put right, or both are named in a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import FILE_TEXT, Fact, State
from fabfile.model.resource import Differences, Resource
from tasks.resources.postconf import MAIN, PARAMETERS, SERVICES, PostconfParameter

NAMES = (
    "alias_database",
    "alias_maps",
    "content_filter",
    "default_database_type",
    "defer_transports",
    "local_transport",
    "mail_owner",
    "mailbox_size_limit",
    "master_service_disable",
    "queue_directory",
    "receive_override_options",
    "smtpd_discard_ehlo_keywords",
    "smtpd_sasl_security_options",
    "smtpd_sasl_tls_security_options",
    "smtpd_tls_chain_files",
    "smtpd_tls_eccert_file",
    "smtpd_tls_req_ccert",
    "smtpd_tls_wrappermode",
    "soft_bounce",
    "virtual_mailbox_limit",
)
"""The parameters that are asked for."""


def _parse_in_force(lines: list[str]) -> dict[str, State]:
    values: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition(" =")
        if equals and name in NAMES:
            values[name] = value.strip()
    found: dict[str, State] = {name: {"value": value} for name, value in values.items()}
    return found | ({"": values} if values else {})


IN_FORCE = Fact(
    "in_force",
    shell.program(__file__, "alias_tables.sh")
    + f"text() {{\n{FILE_TEXT.shell}}}\n"
    + f"names={shell.quote(' '.join(NAMES))}\n"
    + shell.program(__file__, "in_force.sh"),
    _parse_in_force,
    lane="services",
)


@dataclass(frozen=True)
class HarmlessParameter(Resource):
    """A parameter that may have any value, but those that take the effect from the guide's.

    `value` replaces such a value; None: the line is taken out of main.cf.
    """

    fact = IN_FORCE
    skip_if_absent = True  # nothing to put right in a Postfix that does not know it
    name: str
    is_harmless: Callable[[str], bool]
    value: str | None = None

    @property
    def title(self) -> str:
        return f"Parameter {self.name}"

    def desired(self) -> State | None:
        return None if self.value is None else {"value": self.value}

    def differences(self, state: State | None) -> Differences:
        if state is None or self.is_harmless(str(state["value"])):
            return {}
        return {"value": (state["value"], self.value)}

    def fix(self) -> str:
        return PostconfParameter(self.name, self.value).fix()

    def backed_up_file(self) -> str:
        return MAIN


@dataclass(frozen=True)
class Advice(Resource):
    """A warning about a configuration as a whole; it changes nothing."""

    name: str
    find: Callable[[State], str]
    """Returns the warning about the state, or nothing."""

    @property
    def key(self) -> str:
        return ""

    @property
    def title(self) -> str:
        return f"Advice on {self.name}"

    def desired(self) -> State:
        return {}

    def fix(self) -> str:
        return ":"

    def warning(self, state: State | None) -> str:
        return self.find(state) if state else ""


@dataclass(frozen=True)
class MainAdvice(Advice):
    """A warning about parameters in force."""

    fact = IN_FORCE


@dataclass(frozen=True)
class TextAdvice(Advice):
    """A warning about main.cf as it is written."""

    fact = PARAMETERS


@dataclass(frozen=True)
class MasterAdvice(Advice):
    """A warning about the entries of master.cf."""

    fact = SERVICES
