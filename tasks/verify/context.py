"""The context of verify on one host: its answers at the start, and what checks share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fabfile.engine import survey
from fabfile.engine.survey import Questions
from fabfile.fleet.host_connection import HostConnection
from fabfile.model import shell
from fabfile.model.fact import Fact, States, parse_files
from fabfile.model.host import SurveyedHost
from fabfile.model.system import SYSTEM
from fabfile.resources.firewall import FIREWALL
from fabfile.resources.service import SERVICE, Service
from fabfile.resources.sql.client import SQL
from tasks.guide import GUIDE
from tasks.resources.password_hashes import WEAK_PASSWORDS
from tasks.tls import certificate
from tasks.verify.client import SECONDS
from tasks.verify.listener import ADDRESSES, LISTENERS
from tasks.verify.log import LOG_START
from tasks.verify.machine import DISKS, WARNINGS
from tasks.verify.temporary import LEFTOVERS, Accounts
from tasks.verify.trace import Trace

FIRST_CERTIFICATE = Path(__file__).with_name("first_certificate.awk").read_text(encoding="utf-8")

PEM = Fact(
    "pem",
    f"""\
for f do
    shift
    if [ -f "$f" ] && [ -r "$f" ]; then set -- "$@" "$f"; fi
done
[ $# -eq 0 ] || awk {shell.quote(FIRST_CERTIFICATE)} "$@"
""",
    lambda lines: {
        path: {"text": "\n".join(text)} for path, text in parse_files(lines).items() if text
    },
)
"""The first certificate of each file, the server's own. Nothing else of the file travels."""

MAIL_PORTS = (25, 465, 587, 110, 143, 993, 995)
FROM_SECTIONS = (SYSTEM.name, "pending", "package", SERVICE.name, SQL.name, WEAK_PASSWORDS.name)


@dataclass
class VerifyContext:
    """What the checks of one host share."""

    c: HostConnection
    host: SurveyedHost
    states: States
    accounts: Accounts = field(default_factory=Accounts)
    shown: dict[int, bytes] = field(default_factory=dict)
    """The certificate that each port has shown, DER."""
    trace: Trace = field(default_factory=Trace)
    """What the host tells of the messages sent."""
    may_have_rows: bool = False
    patience: int = SECONDS
    """How many seconds to wait for any answer of the mail server."""
    empty_mailbox: bool = True
    """Whether the local user's mailbox was there, empty: it is emptied again, else removed."""
    waited: bool = False
    """Whether a login that was refused has been tried again."""

    @property
    def services(self) -> list[Service]:
        """The services that the guide's sections ask for."""
        return [
            resource
            for section in GUIDE.sections
            for resource in section(self.host)
            if isinstance(resource, Service)
        ]

    def fab(self, task: str) -> str:
        """Return a command line for this host."""
        return f"fab -H {self.c.target.name} {task}"

    def on_host(self, command: str) -> str:
        """Return a command line that runs a shell command on this host."""
        return self.fab(f"-- {shell.quote(command)}")

    def start(self, *services: str) -> str:
        """Return a command line that starts services."""
        return self.on_host(self._service("start", services))

    def restart(self, *services: str) -> str:
        """Return a command line that restarts services."""
        return self.on_host(self._service("restart", services))

    def _service(self, verb: str, services: tuple[str, ...]) -> str:
        if self.host.system.init == "systemd":
            return f"systemctl {verb} {shell.words(*services)}"
        return " && ".join(f"service {shell.quote(name)} {verb}" for name in services)


def ask(c: HostConnection, asked: Questions) -> States:
    """Ask a host facts; one exec."""
    return survey.ask(c, asked)


def verify_context(c: HostConnection) -> VerifyContext:
    """Survey the host. Raises MailfabError when it cannot be reached or is no system we know."""
    host = GUIDE.validate(c.target)
    asked = _of_interest(survey.questions(GUIDE, GUIDE.sections, host))
    candidates = [GUIDE.candidate(host, platform) for platform in GUIDE.platforms]
    asked[PEM] = {certificate(candidate)[0]: None for candidate in candidates}
    asked |= {LISTENERS: {"": None}, ADDRESSES: {"": None}, LEFTOVERS: {"": None}}
    asked |= {LOG_START: {"": None}, DISKS: {"": None}, WARNINGS: {"": None}}
    asked[FIREWALL] = {str(port): None for port in MAIL_PORTS}
    states = ask(c, asked)
    # Sections are asked for their services only, so any value does for the secrets they write.
    surveyed = GUIDE.candidate(host, survey.interpret(states, GUIDE).platform)
    GUIDE.require_supported(surveyed)
    extra = _of_interest(survey.missing(asked, GUIDE.resources(surveyed)))
    if (path := certificate(surveyed)[0]) not in asked[PEM]:
        extra[PEM] = {path: None}
    return VerifyContext(c, surveyed, states | ask(c, extra) if extra else states)


def _of_interest(asked: Questions) -> Questions:
    return {fact: keys for fact, keys in asked.items() if fact.name in FROM_SECTIONS}
