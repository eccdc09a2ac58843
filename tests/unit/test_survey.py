"""A survey's answer is taken whole or not at all, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from fabfile.engine import survey
from fabfile.model import shell
from fabfile.model.errors import HostError, UnreachableError
from fabfile.model.host import Host
from fabfile.model.system import SYSTEM
from fabfile.resources.file import FILE
from fabfile.resources.service import SERVICE
from tasks.guide import GUIDE

ASKED: survey.Questions = {SYSTEM: {"": None}, FILE: {"/etc/x": None}}
ANSWER = """\
@n system
uid=0
id=debian

@n file
= 81a4 root root /etc/x
@n end
"""


def test_a_whole_answer() -> None:
    states = survey.read(ANSWER, ASKED, "n")
    assert states[("system", "")] == {"uid": "0", "id": "debian"}
    assert states[("file", "/etc/x")]["mode"] == "0644"


@pytest.mark.parametrize(
    "noise", ["Welcome!\n@x end\n", "@n\n", "\x1b[31m\x00\ufffd\n" * 9, "\n\n"]
)
def test_a_banner_is_no_answer(noise: str) -> None:
    assert survey.read(noise + ANSWER, ASKED, "n") == survey.read(ANSWER, ASKED, "n")


@pytest.mark.parametrize(
    "broken", ["", "This account is closed.\n", ANSWER.replace("@n end\n", "")]
)
def test_an_answer_that_breaks_off(broken: str) -> None:
    with pytest.raises(UnreachableError, match="the survey ended early; its last line was"):
        survey.read(broken, ASKED, "n")


def test_an_answer_that_makes_no_sense() -> None:
    with pytest.raises(HostError, match="the answer to 'service' is invalid"):
        survey.read("@n service\nyes\n@n end\n", {SERVICE: {"x x": None}}, "n")


def test_the_marker_of_another_survey_cannot_be_foreseen() -> None:
    assert shell.nonce() != shell.nonce()
    assert len(shell.nonce()) == 16


def test_somebody_without_rights_is_refused() -> None:
    states = survey.read(ANSWER.replace("uid=0", "uid=1000"), ASKED, "n")
    with pytest.raises(HostError, match=r"without root's rights \(uid 1000\)"):
        survey.interpret(states, GUIDE)


def test_everything_is_asked_in_one_command_line() -> None:
    """Linux refuses a single argument of 128 KiB; a survey stays far below."""
    from fabfile.model import shell

    host = GUIDE.validate(Host("h", {"fqdn": "h.example.com"}))
    asked = survey.questions(GUIDE, GUIDE.sections, host)
    assert len(shell.pack_command(survey.script(asked, "n"))) < 16 * 1024
    known = GUIDE.candidate(host, GUIDE.platforms[0])
    resources = [resource for section in GUIDE.sections for resource in section(known)]
    assert resources
    assert not survey.missing(asked, resources)


def test_an_answer_comes_back_whole() -> None:
    """Packed both ways; a banner in front of it is left out, an endless answer is cut."""
    import subprocess

    from fabfile.model import shell

    text = shell.script("", "printf 'it'\\''s $HOME é\\n\\n'; seq 1 1000")
    run = subprocess.run(["sh", "-c", shell.pack_command(text)], capture_output=True, check=True)
    wanted = "it's $HOME é\n\n" + "".join(f"{n}\n" for n in range(1, 1001))
    assert shell.unpack_output(b"Welcome!\n" + run.stdout, 10**6).decode() == wanted
    assert len(shell.unpack_output(run.stdout, 100)) == 100
    assert shell.unpack_output(run.stdout[:-300], 10**6).decode(errors="replace") != wanted
    assert shell.unpack_output(b"This account is closed.\n", 100) == b"This account is closed.\n"
