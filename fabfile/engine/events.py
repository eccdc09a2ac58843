"""The events of an apply: markers in the output of its script, parsed once.

A marker is a line that begins with a nonce, so no other program on the host can print one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fabfile.engine.apply import ApplyBatch


@dataclass(frozen=True)
class StepStarted:
    """A step has begun."""

    step: int


@dataclass(frozen=True)
class StepDone:
    """The changes of a step are made."""

    step: int


@dataclass(frozen=True)
class RestartStarted:
    """The check before a restart has begun."""

    restart: int


@dataclass(frozen=True)
class Restarted:
    """A service was restarted or reloaded."""

    restart: int


class FailureKind(StrEnum):
    """The operation that failed. The values are the apply script's markers."""

    STEP = "failed"
    CHECK = "refused"
    RESTART = "unstarted"


@dataclass(frozen=True)
class Failed:
    """A step failed, or a check or start of a restart."""

    kind: FailureKind
    number: int
    """Of the step or of the restart, in their batch."""
    exit_code: int
    restored_files: int = 0
    """Number of files that were restored after the failure."""


@dataclass(frozen=True)
class Locked:
    """Another run holds the host's lock. `holder` describes it; empty if unknown."""

    holder: str


@dataclass(frozen=True)
class Stopped:
    """The apply was cancelled and ended before its next step."""


@dataclass(frozen=True)
class Ended:
    """The steps and restarts have ended; the survey follows."""


Event = StepStarted | StepDone | RestartStarted | Restarted | Failed | Locked | Stopped | Ended


def parse(words: list[str], batch: ApplyBatch) -> Event | None:
    """Return the event of a marker, or None for a marker of the survey that follows.

    Raises ValueError or IndexError for a marker that the batch cannot produce.
    """
    match words:
        case ["step", number]:
            return StepStarted(_index(number, len(batch.steps)))
        case ["done", number]:
            return StepDone(_index(number, len(batch.steps)))
        case ["act", number]:
            return RestartStarted(_index(number, len(batch.restarts)))
        case ["acted", number]:
            return Restarted(_index(number, len(batch.restarts)))
        case ["failed" | "refused" | "unstarted" as kind, number, code, *restored]:
            among = batch.steps if kind == "failed" else batch.restarts
            files = int(restored[0]) if restored else 0
            return Failed(FailureKind(kind), _index(number, len(among)), int(code), files)
        case ["locked", *holder]:
            return Locked(" ".join(holder))
        case ["stopped"]:
            return Stopped()
        case ["end"]:
            return Ended()
    return None


def _index(text: str, length: int) -> int:
    """Return the number in the text. Raises IndexError unless it is from 0 to below `length`."""
    number = int(text)
    if not 0 <= number < length:
        raise IndexError(text)
    return number


@dataclass
class Applied:
    """The outcome of an apply, filled in as its output arrives."""

    done: list[int] = field(default_factory=list)
    """The indexes of the steps that succeeded."""
    restarted: list[int] = field(default_factory=list)
    failure: Failed | None = None
    locked: Locked | None = None
    stopped: bool = False
    ended: bool = False
    log: list[str] = field(default_factory=list)
    """The output of the failed command."""
    _logging: bool = False

    def on_event(self, event: Event | None) -> None:
        """Record an event; None stands for a marker of the survey."""
        # The log ends at the next marker. The survey that follows has all secrets of the host.
        self._logging = isinstance(event, Failed)
        match event:
            case StepDone(step):
                self.done.append(step)
            case Restarted(restart):
                self.restarted.append(restart)
            case Failed():
                self.failure = event
            case Locked():
                self.locked = event
            case Stopped():
                self.stopped = True
            case Ended():
                self.ended = True

    def on_line(self, line: str) -> None:
        """Record a line that is not a marker, if it belongs to the log of a failure."""
        if self._logging and line.startswith("|"):
            self.log.append(line[1:])
