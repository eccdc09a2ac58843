"""The figures, tables and picture of the benchmark. These tests measure no time."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import picture, tables
from benchmarks.__main__ import PAGE, PICTURE, RESULTS
from benchmarks.benchmark import turned
from benchmarks.command import Command, RunError
from benchmarks.cost import METRICS, Cost, digits
from benchmarks.figures import (
    ANSIBLE,
    FIRST,
    FLOOR,
    MAILFAB,
    MITOGEN,
    NO_OP,
    PYINFRA,
    Case,
    Figures,
)
from benchmarks.options import numbers, some_of
from benchmarks.simulated.__main__ import RESULTS as SIMULATED
from benchmarks.simulated.fleet import address
from benchmarks.simulated.growth import Growth
from benchmarks.simulated.recording import Recording
from benchmarks.simulated.watch import Run, watch
from benchmarks.targets import verdicts
from benchmarks.tools import reported
from fabfile.model import shell

SVG = "{http://www.w3.org/2000/svg}"


def cost(seconds: float) -> Cost:
    """Return a cost for tests of wall times."""
    return Cost(seconds, seconds / 2, 50_000_000, 30_500, 80, 0.25)


def figures(*times: tuple[Case, str, list[float]]) -> Figures:
    """Return figures with these wall times."""
    made = Figures()
    for case, tool, seconds in times:
        if case not in made.series:
            made.begin(case)
        for value in seconds:
            made.add(case, tool, cost(value), 0, "2026-11-24", "1.0")
    return made


NEAR, FAR = Case(NO_OP, 10, 0), Case(NO_OP, 10, 100)


@pytest.fixture
def some() -> Figures:
    """Return figures of two latencies and three tools, and a case with only one tool."""
    return figures(
        (FAR, FLOOR, [1.2, 1.3, 1.1]),
        (FAR, MAILFAB, [1.5, 1.6, 1.4]),
        (FAR, PYINFRA, [30.0, 12.0, 18.0]),
        (NEAR, FLOOR, [0.4]),
        (NEAR, MAILFAB, [0.8]),
        (NEAR, PYINFRA, [6.0]),
        (Case(FIRST, 1, 0), MAILFAB, [25.0]),
    )


def test_saved_figures_load_unchanged(some: Figures, tmp_path: Path) -> None:
    some.machine = {"CPUs": 2}
    file = tmp_path / "results.json"
    some.save(file)
    again = Figures.load(file)
    assert again.series == some.series
    assert again.machine == {"CPUs": 2}
    assert Figures.load(tmp_path / "none.json").cases() == []


def test_case_measured_again_replaces_all_its_figures(some: Figures) -> None:
    some.begin(FAR)
    some.add(FAR, MAILFAB, cost(9.0), 0, "2026-11-25", "1.1")
    assert list(some.series[FAR]) == [MAILFAB]
    assert some.series[FAR][MAILFAB].median() == 9.0
    assert some.series[NEAR][MAILFAB].median() == 0.8


def test_case_without_runs_is_not_shown(some: Figures) -> None:
    some.begin(FAR)
    assert FAR not in some.cases()
    assert not any("100 ms" in line for line in tables.page(some))


def test_round_trips_are_extra_time_by_extra_latency(some: Figures) -> None:
    trips = dict(some.round_trips(NO_OP, 10))
    assert trips == {
        FLOOR: pytest.approx(8.0),
        MAILFAB: pytest.approx(7.0),
        PYINFRA: pytest.approx(120),
    }
    assert dict(some.round_trips(FIRST, 1)) == {}


def test_table_shows_medians_spreads_and_ratios(some: Figures) -> None:
    head, rule, *rows = tables.metric_table(some, METRICS[0])
    assert head == "| case | floor | mailfab | pyinfra | mailfab : floor | pyinfra : mailfab |"
    assert rule.count("|") == head.count("|")
    assert rows == [
        "| first deploy, 1 host, 0 ms | – | 25.0 | – | – | – |",
        "| nothing to change, 10 hosts, 0 ms | 0.40 | 0.80 | 6.00 | 2.00 | 7.50 |",
        "| nothing to change, 10 hosts, 100 ms | 1.20 (1.10 to 1.30) | 1.50 (1.40 to 1.60) "
        "| 18.0 (12.0 to 30.0) | 1.25 | 12.0 |",
    ]


def test_page_shows_bytes_in_units(some: Figures) -> None:
    lines = "\n".join(tables.page(some))
    assert "| first deploy, 1 host, 0 ms | – | 50.0 | – |" in lines  # MB
    assert "| first deploy, 1 host, 0 ms | – | 30.5 | – |" in lines  # kB
    assert digits(0.4) == "0.40"
    assert digits(123.4) == "123"


def test_measured_targets_are_met_or_missed(some: Figures) -> None:
    found = {str(target): met for target, _, met in verdicts(some)}
    assert found == {
        "pyinfra : mailfab, nothing to change, 10 hosts, 100 ms: at least 10": True,
        "mailfab : floor, nothing to change, 10 hosts, 100 ms: at most 1.3": True,
    }
    slow = figures((FAR, FLOOR, [1.0]), (FAR, MAILFAB, [1.4]), (FAR, ANSIBLE, [41.0]))
    assert [met for _, _, met in verdicts(slow)] == [False, False]
    assert "| 29.3 | **missed** |" in "\n".join(tables.targets(slow))


def test_put_replaces_only_the_marked_lines_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nafter\n<!-- b -->\n<!-- /b -->\n")
    for _ in range(2):
        tables.put(page, "a", ["new", "lines"])
    assert page.read_text() == (
        "before\n<!-- a -->\n\nnew\nlines\n\n<!-- /a -->\nafter\n<!-- b -->\n<!-- /b -->\n"
    )
    with pytest.raises(ValueError, match="there is no place for c"):
        tables.put(page, "c", [])


def test_page_and_picture_show_the_saved_figures(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE.read_text())
    tables.put(page, "results", tables.page(Figures.load(RESULTS)))
    tables.put(page, "simulated", Growth.load(SIMULATED).table())
    assert page.read_text() == PAGE.read_text(), "python -m benchmarks --show writes it"
    assert picture.svg(Figures.load(RESULTS)) == PICTURE.read_text()


def test_picture_has_a_proportional_bar_for_each_tool(some: Figures) -> None:
    root = ElementTree.fromstring(picture.svg(some))
    groups = root.findall(f"{SVG}g")
    assert len(groups) == 1, "the greatest latency alone"
    bars = groups[0].findall(f"{SVG}rect")
    lengths = [float(bar.attrib["width"]) for bar in bars]
    assert [bar.attrib["class"] for bar in bars] == ["bar floor", "bar mailfab", "bar pyinfra"]
    assert lengths[2] / lengths[1] == pytest.approx(12, rel=0.01)
    texts = ["".join(text.itertext()).strip() for text in groups[0].findall(f"{SVG}text")]
    assert texts[1:] == ["floor", "1.20", "mailfab", "1.50", "pyinfra", "18.0"]


def test_picture_holds_all_panels_without_overlap() -> None:
    every = [
        (Case(work, hosts, 100), tool, [seconds])
        for work in (FIRST, NO_OP)
        for hosts in (1, 10, 30)
        for tool, seconds in ((MAILFAB, 0.01), (MITOGEN, 40.0), (ANSIBLE, 1234.5))
    ]
    root = ElementTree.fromstring(picture.svg(figures(*every)))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    groups = root.findall(f"{SVG}g")
    assert len(groups) == 6
    places = set()
    for group in groups:
        x, y = map(float, group.attrib["transform"].removeprefix("translate(")[:-1].split())
        places.add((x, y))
        for bar in group.findall(f"{SVG}rect"):
            right = x + float(bar.attrib["x"]) + float(bar.attrib["width"])
            assert right + 50 < width, "space for the figure"
            assert y + float(bar.attrib["y"]) + float(bar.attrib["height"]) < height
            assert float(bar.attrib["width"]) >= 1, "visible even if short"
    assert len(places) == 6, "no panel covers another"


def test_turned_starts_with_another_tool_each_round() -> None:
    orders = [list(turned(["a", "b", "c"], number)) for number in range(4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_list_options_are_sorted_and_checked() -> None:
    assert numbers("30,1,10,1") == [1, 10, 30]
    assert some_of(("floor", "mailfab", "ansible"))("ansible,floor") == ["floor", "ansible"]
    with pytest.raises(Exception, match="puppet is none of floor, mailfab"):
        some_of(("floor", "mailfab"))("puppet")


def test_reported_counts_only_final_lines_without_failures() -> None:
    output = (
        "10:00:01 mail1: 5 changed, 0 failed\nmail2 | mail9: 1 changed, 0 failed\n"
        "mail1: 3 changed, 0 failed\nmail2: 0 changed, 1 failed\nmail3: 0 changed, 0 failed\n"
    )
    assert reported(output) == {"mail1": 3, "mail3": 0}


def survey(nonce: str) -> str:
    """Return the command line of a survey as mailfab sends it."""
    return shell.pack_command(shell.script("", f"echo '@{nonce} system'; echo '@{nonce} end'"))


def test_recorded_survey_is_replayed_with_the_new_nonce(tmp_path: Path) -> None:
    first, second = shell.nonce(), shell.nonce()
    recording = Recording()
    real = Command(["sh", "-c", f"({survey(first)}) | base64 -w0"], tmp_path).run()
    recording.learn(survey(first), base64.b64decode(real), 0)
    recording.learn("true", b"", 0)
    recording.save(tmp_path / "recording.json")
    known = Recording.load(tmp_path / "recording.json")
    reply = known.reply(survey(second))
    assert reply is not None
    output, code = reply
    assert code == 0
    assert shell.unpack_output(output, 1000).decode() == f"@{second} system\n@{second} end\n"
    assert known.reply("true") == (b"", 0)
    assert known.reply("false") is None
    assert known.reply(shell.pack_command(shell.script("", "echo other"))) is None


def test_simulated_hosts_have_distinct_loopback_addresses() -> None:
    addresses = {address(number) for number in range(1000)}
    assert len(addresses) == 1000
    assert {where.split(".")[0] for where in addresses} == {"127"}


def growth(seconds: dict[int, float], threads: dict[int, int]) -> Growth:
    """Return runs of both programs, where mailfab takes twice as long."""
    made = Growth()
    for hosts, value in seconds.items():
        made.add(hosts, FLOOR, Run(value, value, 40_000_000, 40, 50))
        memory = 60_000_000 + 20_000 * hosts
        made.add(hosts, MAILFAB, Run(2 * value, value, memory, threads[hosts], 50))
    return made


def test_growth_is_measured_beyond_the_pool(tmp_path: Path) -> None:
    steady = growth({1: 0.5, 100: 1.0, 300: 3.0, 1000: 10.0}, {1: 3, 100: 70, 300: 70, 1000: 71})
    assert steady.slopes(MAILFAB, "seconds") == pytest.approx([0.02, 0.02])
    assert steady.slopes(MAILFAB, "memory") == pytest.approx([20_000, 20_000])
    text = "\n".join(steady.table())
    assert (
        "From 100 to 300 hosts, each further host takes 20.0 ms and 20 kB; "
        "a bare handshake 10.0 ms." in text
    )
    assert "1000 hosts take 80 MB of memory; below 250 MB: met." in text
    assert "Threads and descriptors that stay: none." in text
    steady.save(tmp_path / "results.json")
    assert list(Growth.load(tmp_path / "results.json").table()) == list(steady.table())


def test_growth_faster_than_linear_shows_in_the_slopes() -> None:
    steep = growth({100: 1.0, 300: 3.0, 1000: 31.0}, {100: 70, 300: 70, 1000: 70})
    assert steep.slopes(MAILFAB, "seconds") == pytest.approx([0.02, 0.08])


def test_threads_for_each_host_are_reported_as_a_leak() -> None:
    leaky = growth({100: 1.0, 1000: 10.0}, {100: 70, 1000: 970})
    assert list(leaky.leaks()) == ["threads: 70 for 100 hosts, 970 for 1000"]


def test_watch_measures_threads_descriptors_memory_and_cpu(tmp_path: Path) -> None:
    code = (
        "import threading, time; held = b'x' * 40_000_000\n"
        "for _ in range(5): threading.Thread(target=time.sleep, args=(2,)).start()\n"
        "print('done')"
    )
    run, output = watch(Command([sys.executable, "-c", code], tmp_path))
    assert output == "done\n"
    assert run.threads == 6
    assert run.descriptors >= 3
    assert run.memory > 40_000_000
    assert 0 < run.cpu < run.seconds
    with pytest.raises(RunError, match=r"failed \(3\):\nwhy"):
        watch(Command(["sh", "-c", "echo why; exit 3"], tmp_path))
