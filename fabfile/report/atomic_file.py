"""A report's file: replaced as a whole, and readable by its owner alone."""

from __future__ import annotations

from pathlib import Path

from fabfile.model.errors import UsageError


def write(path: Path, text: str) -> None:
    """Write text to a file in one step. Raises UsageError if that fails."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as problem:
        raise UsageError(f"{path} cannot be written: {problem.strerror}") from None
