"""The table at the end of a run on many hosts."""

from __future__ import annotations

import importlib
import io
import shutil
import threading
from collections.abc import Sequence

from fabfile.report.result import Result, Status
from fabfile.report.visible import visible

PIPE_COLUMNS = 200
"""Width of a table that goes into a file or a pipe, where lines may be long."""

BUSY_SECONDS = 0.4
"""Time until the handshakes with far hosts are under way, in seconds."""

_loading = threading.Lock()


def _load() -> None:
    """Load rich, one thread at a time: its modules import each other in a circle."""
    with _loading:
        importlib.import_module("rich.console")
        importlib.import_module("rich.table")


def prepare() -> None:
    """Load what a table needs in the background: loading takes longer than the table."""
    loading = threading.Timer(BUSY_SECONDS, _load)
    loading.daemon = True
    loading.start()


def results(found: Sequence[Result], *, terminal: bool) -> str:
    """Return the table of the results, as text."""
    _load()
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("host", "result", "changed", "seconds"):
        justify = "right" if name in ("changed", "seconds") else "left"
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    batches = any(result.batch for result in found)
    if batches:
        table.add_column("wave", justify="right", no_wrap=True)
    table.add_column("what happened", overflow="fold")
    for result in found:
        row = [result.host, _end(result), str(result.changed), _seconds(result)]
        row += [str(result.batch or "")] if batches else []
        # Here too: rich measures the columns.
        table.add_row(*row, visible(_remark(result)))
    text = io.StringIO()
    width = shutil.get_terminal_size().columns if terminal else PIPE_COLUMNS
    Console(file=text, width=width, markup=False, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines() if line.strip())


def _end(result: Result) -> str:
    return f"{result.status} (earlier)" if result.earlier else result.status.value


def _seconds(result: Result) -> str:
    return "" if result.status is Status.SKIPPED else f"{result.seconds:.1f}"


def _remark(result: Result) -> str:
    """Return the error in one line, and the outcome of a rollback."""
    remark = result.first_line
    if result.rolled_back:
        remark += f"; rolled back: {result.rolled_back}"
    return remark
