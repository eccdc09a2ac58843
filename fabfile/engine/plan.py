"""A plan: the changes that a deploy would make, and the resources that could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fabfile.engine import apply
from fabfile.engine.apply import ApplyBatch
from fabfile.model.fact import UNKNOWN, States
from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Change, Resource, changes
from fabfile.model.section import Section


@dataclass(frozen=True)
class Unknown:
    """A resource whose state could not be read, and why. `others` counts those like it.

    `final` is True if no change of a deploy can make it known.
    """

    resource: Resource
    reason: str
    others: int
    final: bool = False


@dataclass(frozen=True)
class SectionPlan:
    """The changes that one section would make."""

    section: Section
    resources: tuple[Resource, ...]
    changes: tuple[Change, ...]
    batch: ApplyBatch
    unknown: tuple[Unknown, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def missing(self) -> bool:
        """True if there is nothing yet of what the section creates.

        What differs from nothing is created. Other resources only take away, warn, or put right
        what is there, and a bare host is as they want it.
        """
        created = [r for r in self.resources if creates(r)]
        absent = [c for c in self.changes if c.creates and creates(c.resource)]
        return bool(created) and len(absent) == len(created)


@dataclass(frozen=True)
class Plan:
    """The changes that a deploy would make on a host, section by section."""

    host: SurveyedHost
    sections: tuple[SectionPlan, ...]

    @property
    def changes(self) -> int:
        """The number of changes; a section that only has restarts due counts those."""
        return sum(len(part.changes) or len(part.batch.restarts) for part in self.sections)


def creates(resource: Resource) -> bool:
    """Return whether a resource is a thing that a deploy makes where there is none."""
    made = not resource.skip_if_absent and bool(resource.desired())
    return made and bool(resource.differences(None))


def section_plan(
    section: Section, resources: Sequence[Resource], states: States, pending: Sequence[str]
) -> SectionPlan:
    """Return the plan of a section with these resources. `pending` are restarts left due."""
    found = changes(resources, states)
    return SectionPlan(
        section,
        tuple(resources),
        tuple(found),
        apply.batch(section.name, resources, found, pending),
        tuple(unknown(resources, states)),
        tuple(warnings(resources, states)),
    )


def unknown(resources: Sequence[Resource], states: States) -> Iterator[Unknown]:
    """Yield the first resource of each fact that could not be read, with the reason."""
    for fact in dict.fromkeys(resource.fact for resource in resources):
        if state := states.get((fact.name, UNKNOWN)):
            mine = [resource for resource in resources if resource.fact is fact]
            reason = str(state.get("reason", "no reason was given"))
            yield Unknown(mine[0], reason, len(mine) - 1, bool(state.get("final")))


def warnings(resources: Sequence[Resource], states: States) -> Iterator[str]:
    """Yield the warnings of the resources: what the administrator should know or change."""
    for resource in resources:
        if text := resource.warning(states.get((resource.fact.name, resource.key))):
            yield text
