"""A report's file: replaced as a whole, and readable by its owner alone."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from fabfile.model.errors import UsageError


def write(path: Path, text: str) -> None:
    """Write text to a file in one step. Raises UsageError if that fails."""
    temporary = ""
    try:
        # mkstemp: a new file with an unpredictable name and mode 0600, never through a link.
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as problem:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {problem.strerror}") from None
