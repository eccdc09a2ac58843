"""What one run costs, and on whose side: the six quantities that are measured of every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """The cost of one run of one tool over all its hosts."""

    seconds: float
    """By the wall clock, from the command's start to its end."""
    cpu: float
    """Seconds of CPU, user and system, of the command and every process it started."""
    memory: int
    """Bytes: the most that the command and all its processes had at once, each page once."""
    traffic: int
    """Bytes on the wire, both ways, for all hosts."""
    packets: int
    """Packets on the wire, both ways, for all hosts."""
    target_cpu: float
    """Seconds of CPU on the hosts, all together."""


@dataclass(frozen=True)
class Metric:
    """One of the quantities, and how a person reads it."""

    name: str
    title: str
    form: Callable[[float], str]


def digits(value: float) -> str:
    """Return a number with three digits or so."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


METRICS = (
    Metric("seconds", "Wall time, in seconds", digits),
    Metric("cpu", "CPU time of the control side, in seconds", digits),
    Metric("memory", "Peak memory of the control side, in MB", lambda v: digits(v / 1e6)),
    Metric("traffic", "Bytes on the wire, in kB", lambda v: digits(v / 1e3)),
    Metric("packets", "Packets on the wire", lambda v: f"{v:.0f}"),
    Metric("target_cpu", "CPU time on the targets, in seconds", digits),
)
