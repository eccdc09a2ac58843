"""The parser of a survey accepts complete answers only, and no other text as an answer."""

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


def test_complete_answer_gives_states_by_fact_and_key() -> None:
    states = survey.read(ANSWER, ASKED, "n")
    assert states[("system", "")] == {"uid": "0", "id": "debian"}
    assert states[("file", "/etc/x")]["mode"] == "0644"


@pytest.mark.parametrize(
    "noise", ["Welcome!\n@x end\n", "@n\n", "\x1b[31m\x00\ufffd\n" * 9, "\n\n"]
)
def test_banner_before_the_answer_is_ignored(noise: str) -> None:
    assert survey.read(noise + ANSWER, ASKED, "n") == survey.read(ANSWER, ASKED, "n")


@pytest.mark.parametrize(
    "broken", ["", "This account is closed.\n", ANSWER.replace("@n end\n", "")]
)
def test_truncated_answer_raises_unreachable(broken: str) -> None:
    with pytest.raises(UnreachableError, match="the survey ended early; its last line was"):
        survey.read(broken, ASKED, "n")


def test_invalid_answer_of_a_fact_raises_host_error() -> None:
    with pytest.raises(HostError, match="the answer to 'service' is invalid"):
        survey.read("@n service\nyes\n@n end\n", {SERVICE: {"x x": None}}, "n")


def test_nonce_of_each_survey_is_new() -> None:
    assert shell.nonce() != shell.nonce()
    assert len(shell.nonce()) == 16


def test_login_without_root_raises_host_error() -> None:
    states = survey.read(ANSWER.replace("uid=0", "uid=1000"), ASKED, "n")
    with pytest.raises(HostError, match=r"without root's rights \(uid 1000\)"):
        survey.interpret(states, GUIDE)


def test_survey_of_all_sections_fits_one_command_line() -> None:
    """Linux refuses a single argument of 128 KiB; a survey stays far below."""
    from fabfile.model import shell

    host = GUIDE.validate(Host("h", {"fqdn": "h.example.com"}))
    asked = survey.questions(GUIDE, GUIDE.sections, host)
    assert len(shell.pack_command(survey.script(asked, "n"))) < 16 * 1024
    known = GUIDE.candidate(host, GUIDE.platforms[0])
    resources = [resource for section in GUIDE.sections for resource in section(known)]
    assert resources
    assert not survey.missing(asked, resources)


def test_packed_command_returns_its_whole_output() -> None:
    """A banner before the output is removed, and output beyond the limit is cut."""
    import subprocess

    from fabfile.model import shell

    text = shell.script("", "printf 'it'\\''s $HOME é\\n\\n'; seq 1 1000")
    run = subprocess.run(["sh", "-c", shell.pack_command(text)], capture_output=True, check=True)
    wanted = "it's $HOME é\n\n" + "".join(f"{n}\n" for n in range(1, 1001))
    assert shell.unpack_output(b"Welcome!\n" + run.stdout, 10**6).decode() == wanted
    assert len(shell.unpack_output(run.stdout, 100)) == 100
    assert shell.unpack_output(run.stdout[:-300], 10**6).decode(errors="replace") != wanted
    assert shell.unpack_output(b"This account is closed.\n", 100) == b"This account is closed.\n"
