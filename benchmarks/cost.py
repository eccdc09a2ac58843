"""The cost of one run: the six quantities that are measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """The cost of one run of one tool over all its hosts."""

    seconds: float
    """Wall time from the command's start to its end, in seconds."""
    cpu: float
    """CPU time (user and system) of the command and all its processes, in seconds."""
    memory: int
    """Peak memory of the command and all its processes, shared pages once, in bytes."""
    traffic: int
    """Traffic on the wire, both ways, of all hosts, in bytes."""
    packets: int
    """Packets on the wire, both ways, of all hosts."""
    target_cpu: float
    """CPU time of all hosts together, in seconds."""


@dataclass(frozen=True)
class Metric:
    """One quantity, with its title and its format for readers."""

    name: str
    title: str
    form: Callable[[float], str]


def digits(value: float) -> str:
    """Return a number with about three significant digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


METRICS = (
    Metric("seconds", "Wall time, in seconds", digits),
    Metric("cpu", "CPU time of the control side, in seconds", digits),
    Metric("memory", "Peak memory of the control side, in MB", lambda v: digits(v / 1e6)),
    Metric("traffic", "Bytes on the wire, in kB", lambda v: digits(v / 1e3)),
    Metric("packets", "Packets on the wire", lambda v: f"{v:.0f}"),
    Metric("target_cpu", "CPU time on the targets, in seconds", digits),
)
