"""The errors of a failed apply: what failed, its log, and the remedy."""

from __future__ import annotations

from fabfile.engine.apply import ApplyBatch, Step
from fabfile.engine.events import Applied, Failed, FailureKind
from fabfile.model.errors import ApplyError, MailfabError, Stopped, UnreachableError
from fabfile.model.host import SurveyedHost
from fabfile.model.redact import redact
from fabfile.model.system import STATE_DIR

UNWRITABLE = (
    f"nothing could be started: {STATE_DIR} cannot be written",
    "look for a full or read-only file system: df -h /var; mount | grep -w ro",
)
"""The message and the remedy for a host whose state folder cannot be written."""


def failure(host: SurveyedHost, batch: ApplyBatch, applied: Applied) -> MailfabError | None:
    """Return the error of an apply that did not complete its batch, or None if it did."""
    if not applied.ended:
        return UnreachableError(
            "the host stopped answering before the section was finished",
            "run the command again: it continues from there",
        )
    if applied.stopped:
        return Stopped()
    if applied.locked:
        return ApplyError(
            f"another deploy is running on this host: {applied.locked.holder or 'unknown'}",
            "wait until it is done, or, if it was killed, until it has finished its last step; "
            "then run the command again",
        )
    if applied.failure:
        log = "\n".join(
            f"      {redact(line, host.secrets.values())}" for line in applied.log if line.strip()
        )
        return _failed(batch, applied.failure, applied.log, log)
    if not applied.done and not applied.restarted:
        return ApplyError(*UNWRITABLE)
    return None


def _failed(batch: ApplyBatch, failed: Failed, log: list[str], shown: str) -> ApplyError:
    if failed.kind is FailureKind.STEP:
        step = batch.steps[failed.number]
        return ApplyError(
            f"{step.title} could not be fixed (exit code {failed.exit_code}):\n{shown}",
            _remedy(step, log),
        )
    restart = batch.restarts[failed.number]
    restored = f"{failed.restored_files} files were restored"
    if failed.kind is FailureKind.CHECK:
        return ApplyError(
            f"the new configuration of {restart.service} does not pass its check, so "
            f"{restored} and {restart.service} was not touched:\n{shown}",
            "the lines above name the cause: a variable, a template or, if no file was restored, "
            "a line that these files had before",
        )
    return ApplyError(
        f"{restart} failed (exit code {failed.exit_code}); {restored}:\n{shown}",
        f"fix the cause and run the command again: the {restart.verb} is still due",
    )


def _remedy(step: Step, log: list[str]) -> str:
    text = "\n".join(log)
    if "No space left on device" in text or " 100% " in text:
        return "the disk is full: make room (df -h) and run the command again"
    if "Read-only file system" in text:
        return "a file system is read-only: check dmesg and mount, then run the command again"
    return step.resources[0].remedy(text)
