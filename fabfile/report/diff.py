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
    resource = change.resource
    yield f"  {redact(summary(change), secrets)}"
    present = contents.get(resource.path, "") if isinstance(resource, File) else ""
    if resource.reason and not (
        isinstance(resource, File) and not resource.reason_applies(present)
    ):
        yield f"      because {resource.reason}"
    if isinstance(resource, File) and "content" in change.differences:
        yield from _diff(resource, present, secrets)
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


NO_NEWLINE = "\n\\ No newline at end of file"
"""Follows a last line that lacks its newline, as in the output of diff(1)."""


def _lines(text: str) -> list[str]:
    """Return the lines of a file.

    Not splitlines: it also splits at characters that are part of a line for every program.
    """
    *lines, last = text.split("\n")
    return [*lines, last + NO_NEWLINE] if last else lines


def _diff(file: File, present: str, secrets: list[SecretValue]) -> Iterator[str]:
    before, after = redact(present, secrets), redact(file.content, secrets)
    shown = list(
        difflib.unified_diff(
            _lines(before),
            _lines(after),
            f"{file.path} (is)",
            f"{file.path} (should be)",
            lineterm="",
            n=2,
        )
    )
    if not shown:
        if present == file.content:
            yield "      (bytes differ that are no UTF-8 text)"
        else:
            yield f"      (only a secret changes: {REDACTED} → {REDACTED})"
    for line in shown:
        yield from (f"      {part}" for part in line.split("\n"))
