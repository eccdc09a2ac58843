"""A hostile host that knows our markers and lies between them: an error message, or a plan.

Its answers are recorded answers of real hosts with random changes, and random lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fabfile.cli.commands import holder
from fabfile.engine.apply import ApplyBatch, Step
from fabfile.engine.deploy import SurveyedState, survey_host
from fabfile.model.errors import MailfabError
from fabfile.model.host import Host
from fabfile.model.runner import Line
from fabfile.model.section import Section
from fabfile.report.diff import plan
from tasks.guide import GUIDE
from tests.fuzz.hostile_server import RECORDED
from tests.tally import TIMES, noted, tried

# Without shrinking, which takes minutes here. An answer shows well enough what is wrong with it.
EXAMPLES = settings(
    max_examples=TIMES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
    report_multiple_bugs=False,
)
# Separators, invalid numbers, and text that a terminal or a shell would act on.
ODD = st.sampled_from(
    ["", " ", "\t", "=", ":", "|", "= ", "|x", "@", ".", "-1", "²", "٣", "9" * 5000, "0x", "é\x00"]
) | st.sampled_from(
    ["\x1b]0;x\x07", "$(id)", "'", '"', "\\", "%s", "{{ x }}", "\udcff", "\r", "?", "a/../b"]
)
WORD = ODD | st.text(max_size=8)


@st.composite
def lines(draw: st.DrawFn, fact: str) -> list[str]:
    """Draw an answer to a fact: a recorded one with some of its lines changed, or made up."""
    recorded = RECORDED.get(fact)
    if recorded and draw(st.integers(0, 4)):
        answer = draw(st.sampled_from(recorded)).split("\n")
    else:
        answer = draw(st.lists(st.text(max_size=30), max_size=4))
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.integers(0, len(answer)))
        change = draw(st.sampled_from(("drop", "add", "word", "cut", "twice")))
        if change == "add" or where == len(answer):
            answer.insert(where, " ".join(draw(st.lists(WORD, max_size=4))))
        elif change == "drop":
            del answer[where]
        elif change == "twice":
            answer.insert(where, answer[where])
        elif change == "cut":
            answer[where] = answer[where][: draw(st.integers(0, 40))]
        else:
            parts = re.split(r"([ \t=:|]+)", answer[where])
            parts[draw(st.integers(0, len(parts) - 1))] = draw(WORD)
            answer[where] = "".join(parts)
    return answer


class HostileHost:
    """A Runner that runs no script, and answers each as hypothesis draws it."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.scripts = 0

    def prepare(self) -> None: ...

    def start(self, script: str) -> Lock:
        """Grant the lock, now and then after some lies."""
        (nonce,) = set(re.findall(r"nonce=([0-9a-f]{16})", script))
        word = st.sampled_from(["held somebody", "", "got it", "gotten", "unwritten"])
        lies = self.data.draw(st.lists(word, max_size=2))
        return Lock([*(f"@{nonce} {lie}" for lie in lies), f"@{nonce} got"])

    def run_script(self, script: str, *, private: bool = False, on_line: Line | None = None) -> str:
        """Answer as a survey does, after random markers of an apply."""
        self.scripts += 1
        (nonce,) = set(re.findall(r"@([0-9a-f]{16}) end", script))
        answer = []
        if private:
            for marker in self.data.draw(st.lists(markers(), max_size=6)):
                answer.append(f"@{nonce} {marker}")
        facts = [fact for fact in re.findall(rf"@{nonce} (\w+)'", script) if fact != "end"]
        # With lies about all facts, the first would be refused and the others not even read.
        lies = self.data.draw(st.lists(st.sampled_from(facts), max_size=3))
        for fact in facts:
            said = (
                self.data.draw(lines(fact))
                if fact in lies
                else RECORDED.get(fact, [""])[0].split("\n")
            )
            answer += [f"@{nonce} {fact}", *said]
        if self.data.draw(st.integers(0, 9)):
            answer.append(f"@{nonce} end")
        if on_line:
            for line in answer:
                on_line(line)
        return "\n".join(answer) + "\n"


class Lock:
    """A Running that prints some lines about the lock."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def read_line(self) -> str:
        return self.lines.pop(0) if self.lines else ""

    def send(self, text: str) -> None: ...

    def close(self) -> None: ...


def markers() -> st.SearchStrategy[str]:
    """Return markers that an apply prints, and some that it never prints."""
    kinds = [
        "step",
        "done",
        "act",
        "acted",
        "failed",
        "refused",
        "unstarted",
        "locked",
        "end",
        "other",
    ]
    kind = st.sampled_from(kinds)
    number = st.integers(-2, 40).map(str) | WORD
    return st.tuples(kind, st.lists(number, max_size=4)).map(lambda m: " ".join([m[0], *m[1]]))


class Silent:
    """An observer that prints nothing."""

    def surveying(self) -> None: ...

    def waiting(self, other: str) -> None: ...

    def cancelled(self) -> bool:
        return False

    def run_started(self, run: str) -> None: ...

    def section_started(self, section: Section, batch: ApplyBatch) -> None: ...

    def step_started(self, section: Section, title: str) -> None: ...

    def step_done(self, section: Section, step: Step) -> None: ...

    def restarted(self, section: Section, title: str) -> None: ...


def survey_hostile(
    hostile: HostileHost, sections: Sequence[Section] = GUIDE.sections
) -> SurveyedState:
    """Survey the hostile host."""
    host = Host("hostile", {"fqdn": "hostile.example.com", "updates": "yes"})
    return survey_host(GUIDE, sections, host, hostile, Silent())


@EXAMPLES
@given(st.data())
def test_survey_with_lies_ends_with_a_plan_or_an_error(data: st.DataObject) -> None:
    tried("surveys answered with nonsense: a plan, or an error in words")
    try:
        list(plan(survey_hostile(HostileHost(data)).plan(), {}))
        noted("plans made")
    except MailfabError as error:
        assert "hostile" in str(error)
        assert len(str(error)) < 4000


@EXAMPLES
@given(st.data())
def test_deploy_with_lies_ends(data: st.DataObject) -> None:
    tried("deploys answered with nonsense: an end, or an error in words")
    hostile = HostileHost(data)
    try:
        survey_hostile(hostile).deploy(holder())
        noted("deploys that ended well")
    except MailfabError as error:
        assert "hostile" in str(error)
        assert len(str(error)) < 4000
    # A survey, twice what each section asks for, and the questions that a platform adds.
    assert hostile.scripts <= 2 + 4 * len(GUIDE.sections)


@EXAMPLES
@given(st.data())
def test_history_and_rollback_with_lies_end(data: st.DataObject) -> None:
    tried("histories and rollbacks answered with nonsense")
    hostile = HostileHost(data)
    to = data.draw(st.none() | WORD)
    try:
        surveyed = survey_hostile(hostile)
        surveyed.runs()
        surveyed.roll_back(to, holder())
    except MailfabError as error:
        assert "hostile" in str(error)
        # The message repeats the administrator's own `--to`.
        assert len(str(error)) < 4000 + len(to or "")
    # The survey, the history twice, and at most two for the restore.
    assert hostile.scripts <= 5
