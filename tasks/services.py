"""The services of the guide: their versions, and the reloads and restarts after a change."""

from __future__ import annotations

from dataclasses import replace

from fabfile.model import shell
from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Restart
from tasks.platforms import ByPlatform
from tasks.tls import tls_check

EXPECTED_POSTFIX = ByPlatform(
    {
        ("debian", 11): (3, 7),
        ("debian", 13): (3, 10),
        ("ubuntu", 22): (3, 6),
        ("ubuntu", 24): (3, 8),
        ("ubuntu", 26): (3, 10),
        ("el", 6): (2, 6),
        ("el", 7): (2, 10),
        ("el", 8): (3, 5),
    }
)
"""The version of Postfix that a system will install, while none is known."""

EXPECTED_DOVECOT = ByPlatform(
    {
        ("debian", 11): (2, 3),
        ("debian", 13): (2, 4),
        ("ubuntu", 22): (2, 3),
        ("ubuntu", 26): (2, 4),
        ("el", 6): (2, 0),
        ("el", 7): (2, 2),
        ("el", 8): (2, 3),
    }
)
"""The same for Dovecot."""

DOVECOT_PACKAGE = ByPlatform({("debian", 11): "dovecot-core", ("el", 6): "dovecot"})

CHECK_POSTFIX = (
    f"master_check={shell.quote(shell.program(__file__, 'check_master.awk'))}\n"
    f"{shell.program(__file__, 'check_postfix.sh')}"
)


def postfix_version(host: SurveyedHost) -> tuple[int, ...]:
    """Return the version of the host's Postfix, or of the one that it will get."""
    return host.system.version("postfix") or EXPECTED_POSTFIX(host)


def postfix_process(host: SurveyedHost) -> str:
    """Return the unit whose process is Postfix; empty where it is postfix.service itself."""
    umbrella = host.system.family == "debian" and postfix_version(host) < (3, 9)
    return "postfix@-" if umbrella else ""


def dovecot_dialect(host: SurveyedHost) -> str:
    """Return the version whose configuration syntax the host's Dovecot reads."""
    version = host.system.version(DOVECOT_PACKAGE(host)) or EXPECTED_DOVECOT(host)
    return "2.4" if version >= (2, 4) else "2.3" if version >= (2, 3) else "2.0"


def restart_postfix(host: SurveyedHost) -> Restart:
    """Return the restart after a change of the addresses that Postfix listens on (postconf(5))."""
    check = f"{CHECK_POSTFIX}\n{tls_check(host)}"
    return Restart("postfix", check=check, process=postfix_process(host))


def reload_postfix(host: SurveyedHost) -> Restart:
    """Return the reload after a change of Postfix's configuration. It loses no connection."""
    return replace(restart_postfix(host), verb="reload")


def reload_dovecot(host: SurveyedHost) -> Restart:
    """Return the reload after a change of Dovecot's configuration or of the certificate."""
    check = f"doveconf -n >/dev/null\n{tls_check(host)}"
    return Restart("dovecot", check=check, verb="reload")


def reload_both(host: SurveyedHost) -> tuple[Restart, Restart]:
    """Return the reloads after a change that concerns both services.

    Postfix comes second, also for changes of Dovecot alone: its processes keep their connection to
    Dovecot's logins, which a reload cuts, and would refuse the next login with 454.
    """
    return reload_dovecot(host), reload_postfix(host)
