"""Inventories such as people write them: mailfab has what `ansible-inventory --list` prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fabfile.model.inventory import sources
from tests.ansible.authority import Ansible, Refusal, environment, mailfab, view_of

CASES = sorted((Path(__file__).parents[1] / "data" / "inventories").iterdir())
READ = [case for case in CASES if not case.name.startswith("refused-")]
REFUSED = [case for case in CASES if case not in READ]


def source(case: Path) -> Path:
    """Return what is named as the inventory: the only file or folder that is none of variables."""
    (found,) = [p for p in case.iterdir() if p.name not in ("group_vars", "host_vars")]
    return found


def name(case: Path) -> str:
    return case.name


@pytest.mark.parametrize("case", READ, ids=name)
def test_inventory_reads_as_in_ansible(case: Path, authority: Ansible) -> None:
    theirs = authority.view(source(case))
    assert not isinstance(theirs, Refusal), theirs.reason
    assert mailfab(source(case)) == theirs


@pytest.mark.parametrize("case", REFUSED, ids=name)
def test_what_ansible_refuses_is_refused_with_its_file(case: Path, authority: Ansible) -> None:
    assert isinstance(authority.view(source(case)), Refusal)
    ours = mailfab(source(case))
    assert isinstance(ours, Refusal)
    assert str(case) in ours.reason


def test_enough_inventories_of_each_kind_are_compared() -> None:
    assert len(READ) >= 45
    assert sum(source(case).is_dir() for case in READ) >= 2
    assert sum(source(case).suffix in (".yml", ".yaml", ".json") for case in READ) >= 12


@pytest.mark.parametrize("case", ["web-shop", "yaml-plain", "folder-of-sources"])
def test_the_program_itself_answers_the_same(case: str, authority: Ansible, tmp_path: Path) -> None:
    """The server of these tests is `ansible-inventory`."""
    path = source(next(c for c in CASES if c.name == case))
    run = subprocess.run(
        [Path(sys.executable).with_name("ansible-inventory"), "-i", path, "--list"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        check=True,
    )
    assert view_of(json.loads(run.stdout)) == authority.view(path) == mailfab(path)


SCRIPT = """#!/bin/sh
echo '{"mail": {"hosts": ["m1", "m2"], "vars": {"fqdn": "m.example.org", "n": 1}},
       "site": {"children": ["mail"], "vars": {"ansible_user": "root"}},
       "_meta": {"hostvars": {"m1": {"ansible_host": "192.0.2.1", "l": [1, null, true]}}}}'
"""


def test_remedy_for_a_script_gives_mailfab_what_ansible_has(
    authority: Ansible, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    refusal = mailfab(script)
    assert isinstance(refusal, Refusal)
    command = f"ansible-inventory -i {script} --list --yaml --output"
    assert command in refusal.reason
    written = tmp_path / "FILE.yml"
    program = str(Path(sys.executable).with_name("ansible-inventory"))
    run = [program, *command.split()[1:], str(written)]
    subprocess.run(run, cwd=tmp_path, env=environment(tmp_path), check=True)
    theirs, ours = authority.view(script), mailfab(written)
    assert not isinstance(theirs, Refusal)
    assert not isinstance(ours, Refusal)
    assert ours["hosts"] == theirs["hosts"]
    assert sources.read(written).members("site") == ["m1", "m2"]
