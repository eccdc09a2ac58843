"""What a real bash offers for a command line that has been typed so far."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]
INVENTORY = "[mail]\nmail1 fqdn=mail1.example.test\nmail2\n[db]\ndb1\n"

# Typed so far, the cursor at the end; what is offered.
CASES = {
    "fab -H ": {"mail1", "mail2", "db1", "mail", "db", "all"},
    "fab -H ma": {"mail1", "mail2", "mail"},
    "fab -H mail1,m": {"mail1,mail2", "mail1,mail"},
    "fab --hosts db": {"db1", "db"},
    "fab --hosts = db": {"db1", "db"},
    "fab --hosts =": {"mail1", "mail2", "db1", "mail", "db", "all"},
    "fab -H mail1 user.a": {"user.add", "user.audit"},
    "fab -H mail1 domain.add --j": {"--json"},
    "fab -H nowhere": set(),
}


def offered(typed: str, inventory: Path) -> set[str]:
    """Return bash's own answer, by calling what `complete` has registered as it would."""
    words = shlex.split(typed) + ([""] if typed.endswith(" ") else [])
    script = f"""
        eval "$(fab --print-completion-script bash)"
        [[ $(complete -p fab) == *'-F _complete_fab'* ]] || exit 1
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        _complete_fab fab {shlex.quote("" if words[-1] == "=" else words[-1])} {words[-2]}
        [ "${{#COMPREPLY[@]}}" = 0 ] || printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    run = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "MAILFAB_INVENTORY": str(inventory),
        },
    )
    assert not run.stderr
    return set(run.stdout.split())


@pytest.mark.parametrize(("typed", "wanted"), CASES.items())
def test_offered(typed: str, wanted: set[str], tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(INVENTORY)
    assert offered(typed, inventory) == wanted


@pytest.mark.parametrize("name", ["$(touch taken)", "`touch${IFS}taken`", "x;touch taken", "a'b"])
def test_a_name_is_never_run_and_never_offered_if_the_shell_would_act_on_it(
    name: str, tmp_path: Path
) -> None:
    inventory = tmp_path / "inventory.ini"
    name = name.replace("taken", str(tmp_path / "taken"))
    inventory.write_text(f"[mail]\nmail1\n{name.replace(' ', chr(9))}\n'{name}'\n[{name}]\nmail2\n")
    assert offered("fab -H ", inventory) <= {"mail1", "mail2", "mail", "all", "x"}
    assert not (tmp_path / "taken").exists()


def test_after_a_host_come_tasks(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(INVENTORY)
    found = offered("fab -H mail1 ", inventory)
    assert {"deploy", "plan", "accounts.apply"} <= found
    assert "mail2" not in found


def test_a_broken_inventory_is_no_noise_at_the_prompt(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text("[mail:nonsense]\n")
    assert offered("fab -H ma", inventory) == set()
