"""The scripts use nothing that the tools of CentOS 6 lack, nor anything that is bash's alone.

Source of the list: the NEWS of coreutils after 8.4, sed after 4.2.1, systemd after 219; POSIX.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fabfile.engine import apply, survey
from fabfile.model.resource import changes
from fabfile.resources.firewall import FIREWALL, OpenPort
from tasks.guide import GUIDE
from tasks.package_answer import INSTALLABLE
from tests.e2e.systems import DEBIAN12

LACKING = {
    "timeout -k (coreutils 8.5)": r"\btimeout\s+(-k|--kill-after|--foreground)",
    "realpath (8.15)": r"\brealpath\b",
    "ln -r (8.16)": r"\bln\s+-\w*r",
    "df --output (8.21)": r"\bdf\s.*--output",
    "numfmt (8.21)": r"\bnumfmt\b",
    "sync FILE (8.24)": r"\bsync\s+[^;&|\s]",
    "sha256sum --ignore-missing (8.25)": r"--ignore-missing",
    "stat --cached": r"\bstat\s.*--cached",
    "sed -z (4.2.2)": r"\bsed\s+-\w*z",
    "grep -P": r"\bgrep\s+-\w*P",
    "base64 long options": r"base64 --\w",
    "systemctl --value (230)": r"--value",
    "systemctl enable --now (220)": r"enable\s+--now",
    "[[ of bash": r"(^|\s)\[\[\s",
    "process substitution": r"[<>]\([a-z]",
    "local (not in POSIX)": r"^\s*local\s",
    "echo -e or -n": r"\becho\s+-[en]",
    "&> of bash": r"&>",
    "$'…' of bash": r"\$'",
    "pipefail": r"pipefail",
    "python on the target": r"\bpython",
}


def scripts() -> dict[str, str]:
    """Return every script that a run sends: the survey, and each section's apply from nothing."""
    host = replace(DEBIAN12.host, variables={**DEBIAN12.host.variables, "hostname": "yes"})
    asked = survey.questions(GUIDE, GUIDE.sections, host)
    found = {"survey": survey.script(asked, "n")}
    assert GUIDE.preflight_fact
    found["preflight"] = survey.script({GUIDE.preflight_fact: {"": None}}, "n")
    found["installable"] = survey.script({INSTALLABLE: {"postfix": None}}, "n")
    for section in GUIDE.sections:
        resources = section(host)
        work = apply.batch(section.name, resources, changes(resources, {}), ())
        found[section.name] = apply.script(
            work, apply.RunInfo("run", "me", 30), "n", survey.body(asked, "n")
        )
    # Of a host without a firewall nothing is asked, so this one is in none of the above.
    found["open port"] = f"{FIREWALL.shell}\n{OpenPort(25).fix()}"
    return found


SCRIPTS = scripts()


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("lacking", LACKING)
def test_nothing_that_old_systems_lack(name: str, lacking: str) -> None:
    # What goes into files on the host is not run there.
    code = re.sub(r"printf %s '(?:[^']|'\"'\"')*'", "printf", SCRIPTS[name])
    found = re.search(LACKING[lacking], code, re.M)
    assert not found, code[max(0, found.start() - 100) : found.end() + 100]


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]], ids=str)
def test_every_shell_can_read_them(name: str, shell: list[str], tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_text(SCRIPTS[name])
    run = subprocess.run([*shell, "-n", str(file)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
