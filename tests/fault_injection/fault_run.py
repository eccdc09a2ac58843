"""A fault run: one deploy, one fault at one point of it, and the state of the server after it.

After any fault the next deploy must finish the work by itself, the one after it find nothing to
do, mail must flow, and the server must be what it is after a deploy that nothing disturbed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fabfile.sandbox import network
from tests.e2e.conftest import FAB, ROOT, SandboxHost
from tests.fault_injection import injection_points, state
from tests.fault_injection.faults import KINDS
from tests.fault_injection.scenarios import USER, Scenario

MAILBOX = "/home/vmail/shop.example/sales/Maildir/new"
AT_ONCE = 20
"""Seconds within which a message is delivered by a server that works."""


@dataclass
class Outcome:
    """What became of a server after a fault."""

    scenario: str
    kind: str
    number: int
    call: str = ""
    """The program that was about to run; empty when the deploy ended before that point."""
    mail: str = ""
    """How a message fared that was sent between the fault and the next deploy."""
    away: str = ""
    """How long ports 25 and 143 were away, at most, in seconds."""
    seconds: float = 0
    problems: list[str] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """Of the message that is sent between the fault and the next deploy."""
        return f"{self.kind}-{self.number}"


@dataclass(frozen=True)
class Reference:
    """What a deploy is like that nothing disturbs."""

    calls: list[str]
    state: state.State
    away: str


def start(box: SandboxHost) -> subprocess.Popen[str]:
    """Start a deploy, as a person does."""
    return subprocess.Popen(
        [FAB, "-H", box.name, "deploy"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "MAILFAB_INVENTORY": str(box.inventory)},
    )


@contextmanager
def watched(box: SandboxHost, scenario: Scenario, away: list[str]) -> Iterator[None]:
    """Watch the ports of a running mail server all the while; append how long they were away."""
    if not scenario.mail:
        yield
        away.append("")
        return
    program = Path(__file__).with_name("watch.py")
    lan = f"--net={network.NAMESPACES / network.lan()}"
    command = [
        "nsenter",
        lan,
        sys.executable,
        "-I",
        str(program),
        box.server.lan_address,
        "25",
        "143",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as watcher:
        try:
            yield
        finally:
            away.append(watcher.communicate(timeout=60)[0].strip())


def send(box: SandboxHost, subject: str) -> None:
    """Give the server a message for its user."""
    box.sh(f"printf 'Subject: {subject}\\n\\ntext\\n' | /usr/sbin/sendmail -f a@b.example {USER}")


def arrives(box: SandboxHost, subject: str, seconds: float) -> bool:
    """Wait for a message to be in the user's mailbox."""
    found = f"for i in $(seq {seconds * 2:.0f}); do"
    found += f" grep -qs '^Subject: {subject}$' {MAILBOX}/* && exit; sleep 0.5; done; exit 1"
    return box.server.shell(found, check=False, timeout=seconds + 60).returncode == 0


def reference(box: SandboxHost, scenario: Scenario) -> Reference:
    """Deploy without a fault, and return what that was like."""
    scenario.begin(box)
    away: list[str] = []
    injection_points.arm(box, injection_points.NEVER)
    with watched(box, scenario, away):
        box.fab("deploy")
    proof = box.fab("verify")
    assert " passed, 0 failed" in proof.stdout, proof.stdout
    calls = injection_points.disarm(box)
    found = state.state(box)
    assert not list(state.leftovers(box)), list(state.leftovers(box))
    return Reference(calls, found, away[0])


def inject_fault(
    box: SandboxHost, scenario: Scenario, kind: str, number: int, wanted: Reference
) -> Outcome:
    """Inject one fault at one point of a deploy, and check that the next deploy heals it."""
    outcome = Outcome(scenario.name, kind, number)
    begun = time.monotonic()
    try:
        scenario.begin(box)
        away: list[str] = []
        with watched(box, scenario, away):
            _strike(box, scenario, outcome)
            if outcome.call:
                _heal(box, scenario, outcome, wanted)
        outcome.away = away[0]
    except Exception as error:
        outcome.problems.append(f"{type(error).__name__}: {error}")
    outcome.seconds = time.monotonic() - begun
    return outcome


def _strike(box: SandboxHost, scenario: Scenario, outcome: Outcome) -> None:
    injection_points.arm(box, outcome.number)
    deploy = start(box)
    hit = injection_points.wait(box, deploy)
    if hit is None:
        return
    outcome.call = hit.call
    before = state.passwords(box)
    KINDS[outcome.kind](box, deploy, hit)
    injection_points.disarm(box)
    if scenario.mail:
        send(box, outcome.subject)
        at_once = arrives(box, outcome.subject, AT_ONCE)
        outcome.mail = "delivered" if at_once else "queued"
        if not at_once and scenario.mail == "delivered":
            outcome.problems.append("the mail server that ran before does not deliver")
    _deploy_again(box, outcome)
    after = state.passwords(box)
    for name in before.keys() & after.keys():
        if before[name] != after[name] and "db_password" not in scenario.variables:
            outcome.problems.append(f"the password {name} is another one")


def _deploy_again(box: SandboxHost, outcome: Outcome) -> None:
    """Deploy; what the first deploy, whose person is gone, has still at work may end before."""
    run = box.fab("deploy", "--wait", "300", code=None)
    if run.returncode:
        outcome.problems.append(f"the next deploy: {run.stderr.strip()}")


def _heal(box: SandboxHost, scenario: Scenario, outcome: Outcome, wanted: Reference) -> None:
    again = box.fab("deploy", code=None)
    if again.stdout != f"{box.name}: 0 changed, 0 failed\n":
        outcome.problems.append(f"the deploy after it: {again.stdout}{again.stderr}")
    if scenario.mail and outcome.mail != "delivered":
        box.sh("/usr/sbin/postqueue -f")
        if not arrives(box, outcome.subject, AT_ONCE):
            outcome.mail = "lost"
            outcome.problems.append("the message sent after the fault has not arrived")
    proof = box.fab("verify", code=None)
    if proof.returncode:
        failed = re.findall(r"(?s)FAIL.*?do:", proof.stdout)
        outcome.problems.append(f"verify: {' '.join(failed)} {proof.stderr}")
    outcome.problems += state.differences(wanted.state, state.state(box), outcome.kind)
    outcome.problems += [f"left behind: {path}" for path in state.leftovers(box)]


def short(call: str) -> str:
    """Return a call in few words."""
    return re.sub(r"\.mailfab-new\.\w+|/var/lib/mailfab/runs/[^/ ]+", "…", call)[:70]
