"""Generated inventories: mailfab has the hosts, groups and values that Ansible has."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.ansible.authority import Ansible, Refusal, mailfab
from tests.ansible.generate import Generated, inventories

TRIES = int(os.environ.get("MAILFAB_TRIES", "400"))
NUMBERS = itertools.count()


def write(generated: Generated, folder: Path) -> Path:
    """Write the files of an inventory; return the path to name."""
    for name, text in generated.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return folder / generated.source


def test_generated_inventories_read_as_in_ansible(authority: Ansible, tmp_path: Path) -> None:
    counts = {"same": 0, "both refuse": 0, "mailfab refuses": 0}

    @settings(max_examples=TRIES, suppress_health_check=[HealthCheck.too_slow])
    @given(generated=inventories())
    def compare(generated: Generated) -> None:
        path = write(generated, tmp_path / str(next(NUMBERS)))
        theirs, ours = authority.view(path), mailfab(path)
        if isinstance(theirs, Refusal):
            assert isinstance(ours, Refusal), f"Ansible refuses it: {theirs.reason}"
            counts["both refuse"] += 1
        elif isinstance(ours, Refusal):
            # docs/inventory.md lists what only mailfab refuses.
            assert "group ungrouped cannot be" in ours.reason
            counts["mailfab refuses"] += 1
        else:
            assert ours == theirs
            counts["same"] += 1

    compare()
    print(counts)
    # The comparison is one of values, not of refusals.
    assert counts["same"] > counts["both refuse"] + counts["mailfab refuses"]
