"""Fixtures: a scratch host under each shell, and the engine that deploys to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fabfile.engine.apply import ApplyBatch, Step
from fabfile.engine.deploy import Deployed, SurveyedState, survey_host
from fabfile.engine.plan import Plan
from fabfile.model.host import Host, Platform
from fabfile.model.resource import Resource
from fabfile.model.section import Guide, Section
from tests.scratch import SHELLS, Scratch

if os.geteuid() != 0:
    pytest.skip("needs root: the scripts change owners", allow_module_level=True)


@pytest.fixture(params=SHELLS)
def scratch(request: pytest.FixtureRequest, tmp_path: Path) -> Scratch:
    """A scratch host, once for each shell that a host may have."""
    command = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (tmp_path / "etc").mkdir()
    return Scratch(tmp_path, command)


class Silent:
    """An observer that only records its events."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.restarts: list[str] = []
        self.stop = False

    def surveying(self) -> None:
        pass

    def waiting(self, other: str) -> None:
        self.steps.append(f"waiting for {other}")

    def cancelled(self) -> bool:
        return self.stop

    def run_started(self, run: str) -> None:
        pass

    def section_started(self, section: Section, batch: ApplyBatch) -> None:
        pass

    def step_started(self, section: Section, title: str) -> None:
        self.steps.append(title)

    def step_done(self, section: Section, step: Step) -> None:
        pass

    def restarted(self, section: Section, title: str) -> None:
        self.restarts.append(title)


class Bench:
    """Plans and deploys a list of resources on a scratch host."""

    def __init__(self, scratch: Scratch, resources: Sequence[Resource]) -> None:
        self.scratch = scratch
        self.observer = Silent()
        section = Section("trial", "A trial", lambda host: iter(resources))
        platform = Platform("debian", "12")
        self.guide = Guide([section], [platform])

    def survey(self) -> SurveyedState:
        return survey_host(
            self.guide, self.guide.sections, Host("scratch"), self.scratch, self.observer
        )

    def plan(self) -> Plan:
        return self.survey().plan()

    def deploy(self) -> Deployed:
        return self.survey().deploy("a test")


@pytest.fixture
def bench(scratch: Scratch) -> Callable[..., Bench]:
    """Return a function that makes a bench for some resources on the scratch host."""
    return lambda *resources: Bench(scratch, resources)
