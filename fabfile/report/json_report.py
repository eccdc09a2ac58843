"""The JSON report. docs/report.schema.json is its contract; `version` goes up when that breaks.

It is written again after each host, so that `--resume` can continue a run that was killed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fabfile.model.errors import UsageError
from fabfile.model.system import version
from fabfile.report import atomic_file
from fabfile.report.check import Check, counts
from fabfile.report.result import Result, Status
from fabfile.report.run import Record

SCHEMA = "mailfab-report"
VERSION = 1


def document(record: Record) -> dict[str, Any]:
    """Return a run as plain values for JSON."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "mailfab": version(),
        "command": list(record.command),
        "started": _time(record.started),
        "ended": _time(record.ended),
        "exit_code": record.exit_code,
        "hosts": [_host(result) for result in record.in_order]
        + [{"name": host, "end": "unknown"} for host in record.order if host not in record.results],
    }


def _time(seconds: float) -> str | None:
    """Return seconds since the epoch as RFC 3339 has it."""
    return (
        datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds") if seconds else None
    )


def _host(result: Result) -> dict[str, Any]:
    message, _, remedy = result.error.partition("\n")
    return {
        "name": result.host,
        "end": result.status.value,
        "exit_code": result.exit_code,
        "wave": result.batch,
        "earlier": result.earlier,
        "changed": result.changed,
        "started": _time(result.started),
        "seconds": result.seconds,
        "summary": result.summary,
        "error": {"message": message, "remedy": remedy.strip()} if message else None,
        "rolled_back": result.rolled_back or None,
        "runs": result.runs,
        "warnings": result.warnings,
        "phases": [asdict(phase) for phase in result.phases],
        "plan": [asdict(block) for block in result.plan],
        "replaced": [asdict(block) for block in result.replaced],
        "checks": [_check(check) for check in result.checks],
        **({"counts": counts(result.checks)} if result.checks else {}),
    }


def _check(check: Check) -> dict[str, Any]:
    """Return a check as the report's version 1 has it."""
    found = asdict(check)
    found["chapter"] = found.pop("group")
    return found


def write(record: Record, path: Path) -> None:
    """Write the report."""
    atomic_file.write(path, json.dumps(document(record), indent=1) + "\n")


def finished(path: Path) -> dict[str, Result]:
    """Return the hosts that a run has finished. Raises UsageError for what is not its report."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA or found["version"] != VERSION:
            raise ValueError
        return {host["name"]: _earlier(host) for host in found["hosts"] if host["end"] == Status.OK}
    except OSError as problem:
        raise UsageError(f"--resume: {path} cannot be read: {problem.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            f"--resume: {path} is not the report of a run (version {VERSION})",
            "name the file that `--json` of that run has written",
        ) from None


def _earlier_check(found: Mapping[str, Any]) -> Check:
    return Check(**{"group" if name == "chapter" else name: v for name, v in found.items()})


def _earlier(host: Mapping[str, Any]) -> Result:
    return Result(
        str(host["name"]),
        summary=str(host["summary"]),
        changed=int(host["changed"]),
        seconds=float(host["seconds"]),
        started=datetime.fromisoformat(host["started"]).timestamp(),
        runs=[str(run) for run in host["runs"]],
        checks=[_earlier_check(check) for check in host["checks"]],
        earlier=True,
    )
