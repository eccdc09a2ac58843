"""A plan as text: changes, diffs of files, warnings, restarts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping

from fabfile.engine.plan import Plan, SectionPlan
from fabfile.model.redact import REDACTED, SecretValue, redact
from fabfile.model.resource import Change
from fabfile.report.result import Block
from fabfile.resources.file import File

CREATED, ALTERED, REMOVED, RESTARTED = "+", "~", "-", "!"


def sign(change: Change) -> str:
    """Return the sign in front of a change: made, altered, or taken away."""
    if change.resource.desired() is None:
        return REMOVED
    return CREATED if change.creates else ALTERED


def summary(change: Change) -> str:
    """Return a change as one line: sign, resource, and each attribute `is → should`."""
    line = f"{sign(change)} {change.resource.title}"
    if change.creates or isinstance(change.resource, File):
        shown = [k for k in change.differences if k != "content"] if not change.creates else []
        parts = [_attribute(change, name) for name in shown]
        if not change.creates and "content" in change.differences:
            parts.insert(0, "content")
    else:
        parts = [_attribute(change, name) for name in change.differences]
    return f"{line}: {', '.join(parts)}" if parts else line


def _attribute(change: Change, name: str) -> str:
    found, wanted = change.differences[name]
    if change.resource.secret and name in ("password", "content"):
        return f"{name} {REDACTED} → {REDACTED}"
    return f"{name} {_value(found)} → {_value(wanted)}"


def _value(value: object) -> str:
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value != "" else "(empty)"


def plan(found: Plan, contents: Mapping[str, str]) -> Iterator[Block]:
    """Yield the blocks of a plan. `contents` has the present text of files that would change."""
    secrets = list(found.host.secrets.values())
    for part in found.sections:
        heading = f"{part.section.name}: {part.section.title}"
        for change in part.changes:
            yield Block(heading, tuple(_change(change, contents, secrets)))
        for line in _remarks(part):
            yield Block(heading, (line,))


def plan_lines(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield the lines of a plan's blocks, with each section's heading once."""
    heading = ""
    for block in blocks:
        if block.section != heading:
            heading = block.section
            yield heading
        yield from block.lines


def _change(
    change: Change, contents: Mapping[str, str], secrets: list[SecretValue]
) -> Iterator[str]:
    yield f"  {redact(summary(change), secrets)}"
    if change.resource.reason:
        yield f"      because {change.resource.reason}"
    if isinstance(change.resource, File) and "content" in change.differences:
        yield from _diff(change.resource, contents.get(change.resource.path, ""), secrets)
    elif change.creates:
        for name, value in (change.resource.desired() or {}).items():
            hidden = change.resource.secret and name == "password"
            shown = REDACTED if hidden else redact(_value(value), secrets)
            if name not in ("installed", "exists", "current"):
                yield f"      {name} = {shown}"


def _remarks(part: SectionPlan) -> Iterator[str]:
    for blind in part.unknown:
        yield f"  ? {blind.resource.title} and {blind.others} more: {blind.reason}"
    yield from (f"  warning: {text}" for text in part.warnings)
    for restart in part.batch.restarts:
        left = "" if part.changes else " (left over from a run that did not finish)"
        yield f"  {RESTARTED} {restart}{left}"


def _diff(file: File, present: str, secrets: list[SecretValue]) -> Iterator[str]:
    lines = difflib.unified_diff(
        redact(present, secrets).splitlines(),
        redact(file.content, secrets).splitlines(),
        f"{file.path} (is)",
        f"{file.path} (should be)",
        lineterm="",
        n=2,
    )
    shown = list(lines)
    if not shown:
        yield f"      (only a secret changes: {REDACTED} → {REDACTED})"
    yield from (f"      {line}" for line in shown)
