"""A count of what was tried: a plugin for suites that look for something that should not happen.

Such a suite says little by passing, so its tests say what they have tried, and how often. With
`-p tests.tally --tally leaks` the run ends with a table of it and `N tried, M leaks`.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

TIMES = int(os.environ.get("MAILFAB_TRIES", "100"))
"""How many examples a property is tried with; more in the suite's own run."""

_tried: Counter[str] = Counter()
_noted: Counter[str] = Counter()
_options: dict[str, str] = {}
_failed: list[str] = []


def tried(what: str, times: int = 1) -> None:
    """Count something that was tried."""
    _tried[what] += times


def noted(what: str, times: int = 1) -> None:
    """Count how something that was tried has ended."""
    _noted[what] += times


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the run name what it looks for."""
    parser.addoption("--tally", metavar="WHAT", help="what a failure is called: leaks, escapes")


def pytest_configure(config: pytest.Config) -> None:
    """Remember what a failure is called."""
    _options["what"] = config.getoption("--tally") or "failures"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember each test that failed, in whichever phase."""
    if report.failed:
        _failed.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run that has tried nothing: it proves nothing."""
    if not _tried and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure() -> None:
    """Print the table, after everything that pytest prints."""
    print()
    for what, times in _tried.items():
        print(f"{times:8}  {what}")
    for what, times in _noted.items():
        print(f"{times:8}    of them {what}")
    for name in _failed:
        print(f"  FAILED  {name}")
    print(f"{sum(_tried.values())} tried, {len(_failed)} {_options['what']}")
