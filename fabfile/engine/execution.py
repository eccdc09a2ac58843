"""Run the script of an apply on a host, and report its events while it runs."""

from __future__ import annotations

from fabfile.engine import events
from fabfile.engine.events import Applied
from fabfile.engine.observer import Observer
from fabfile.engine.plan import SectionPlan
from fabfile.model.errors import HostError
from fabfile.model.runner import Runner


def run(
    runner: Runner, observer: Observer, part: SectionPlan, script: str, nonce: str
) -> tuple[str, Applied]:
    """Run the apply script of one section; return its output and its outcome.

    Lines that begin with the nonce are events, others are the log of the current step. Raises
    HostError for an invalid event, and UnreachableError.
    """
    applied = Applied()

    def on_line(line: str) -> None:
        if not line.startswith(f"@{nonce} "):
            applied.on_line(line)
            return
        words = line.split(" ")[1:]
        try:
            event = events.parse(words, part.batch)
        except (ValueError, IndexError):
            raise HostError(
                f"the host sent an unexpected answer: {' '.join(words)[:200]!r}",
                "another program on the host answers instead of our script: check its shell",
                section=part.section.name,
            ) from None
        applied.on_event(event)
        _report(observer, part, event)

    return runner.run_script(script, private=True, on_line=on_line), applied


def _report(observer: Observer, part: SectionPlan, event: events.Event | None) -> None:
    steps, restarts = part.batch.steps, part.batch.restarts
    match event:
        case events.StepStarted(number):
            observer.step_started(part.section, steps[number].title)
        case events.StepDone(number):
            observer.step_done(part.section, steps[number])
        case events.RestartStarted(number):
            observer.step_started(part.section, str(restarts[number]))
        case events.Restarted(number):
            observer.restarted(part.section, str(restarts[number]))
