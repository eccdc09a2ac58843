"""The events of an apply: markers in the output of its script, parsed once.

A marker is a line that begins with a nonce, so that nothing else on the host can print one.
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
    """What failed, in the words of the apply script."""

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
    """Number of files that were put back after it."""


@dataclass(frozen=True)
class Locked:
    """Another run holds the host's lock; `holder` says who, as far as the host knows."""

    holder: str


@dataclass(frozen=True)
class Stopped:
    """The apply ended before its next step, as it was asked to."""


@dataclass(frozen=True)
class Ended:
    """Everything before the survey is over."""


Event = StepStarted | StepDone | RestartStarted | Restarted | Failed | Locked | Stopped | Ended


def parse(words: list[str], batch: ApplyBatch) -> Event | None:
    """Return the event of a marker; None for one of the survey that follows.

    Raises ValueError or IndexError for a marker that the batch cannot have caused.
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
    """Return a number that is an index of something of that length. Raises IndexError."""
    number = int(text)
    if not 0 <= number < length:
        raise IndexError(text)
    return number


@dataclass
class Applied:
    """The outcome of an apply, filled in as its output arrives."""

    done: list[int] = field(default_factory=list)
    """The steps that were made."""
    restarted: list[int] = field(default_factory=list)
    failure: Failed | None = None
    locked: Locked | None = None
    stopped: bool = False
    ended: bool = False
    log: list[str] = field(default_factory=list)
    """The output of what failed."""
    _logging: bool = False

    def on_event(self, event: Event | None) -> None:
        """Take in an event; None for a marker of the survey."""
        # The log ends at the next marker. The survey behind it has all secrets of the host.
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
        """Take in a line that is no marker: kept if it is of the log of a failure."""
        if self._logging and line.startswith("|"):
            self.log.append(line[1:])
