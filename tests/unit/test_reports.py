"""The reports: JSON after its schema, JUnit's XML, and the page, which a real browser shows."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from fabfile.cli.options import Options, with_rollout_report
from fabfile.model.errors import UsageError
from fabfile.report import html, json_report, junit, table, writer
from fabfile.report.check import Check, Outcome
from fabfile.report.result import Block, Phase, Result, Status, skipped
from fabfile.report.run import Record

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
EVIL = "<script>json_report.title = 'taken'</script>\x1b[31m\x00&"


def record() -> Record:
    """Return a run with a host of each kind; one of them says what a page must not believe."""
    made = Record(["rollout"], ["m1", "m2", "m3", "m4", "m5"], started=1_790_000_000.0)
    checks = [
        Check("TLS works", "Ports", "a session", "TLSv1.3", Outcome.PASSED),
        Check("Mail arrives", "Delivery", "a file", EVIL, Outcome.FAILED, "mend it"),
        Check("POP3", "Ports", "+OK", "'Mail arrives' failed", Outcome.SKIPPED),
    ]
    phases = [
        Phase("survey", "", 0.0, 0.4),
        Phase(
            "postfix", "Configure Postfix", 0.4, 2.1, [f"~ File /etc/{EVIL}"], ["restart postfix"]
        ),
        Phase("verify", "", 2.5, 1.0),
    ]
    diff = Block("postfix: Configure Postfix", ("  ~ File /etc/x: content", "      -a", "      +b"))
    first = Result("m1", summary="m1: 1 changed, 0 failed", changed=1, started=1_790_000_001.0)
    first.seconds, first.batch, first.runs = 3.5, 1, ["20260924T021320.000Z-ab12"]
    first.phases, first.checks, first.replaced = phases, checks[:1], [diff]
    broken = Result("m2", Status.FAILED, 1, "m2: 1 changed, 1 failed", 1, batch=2, seconds=3.0)
    broken.message, broken.remedy = "verify: Mail arrives: nothing", "mend it"
    broken.phases, broken.checks, broken.rolled_back = phases, checks, "1 changed, 0 failed"
    down = Result("m3", Status.FAILED, 1, "m3: 0 changed, 1 failed", batch=2)
    down.message = f"{EVIL}: the connection was refused"
    down.remedy = "look whether it runs"
    would = Result("m4", Status.WOULD_CHANGE, 2, "m4: 1 would change, 0 failed", batch=2)
    would.plan, would.warnings = [diff], ["3 users have weak hashes"]
    made.results = {r.host: r for r in (first, broken, down, would, skipped("m5", 3))}
    made.exit_code = 3
    made.ended = made.started + 9
    return made


def test_the_document_follows_its_schema() -> None:
    made = json.loads(json.dumps(json_report.document(record())))
    jsonschema.validate(made, SCHEMA)
    hosts = {host["name"]: host for host in made["hosts"]}
    assert list(hosts) == ["m1", "m2", "m3", "m4", "m5"]
    assert hosts["m2"]["error"] == {
        "message": "m2: verify: Mail arrives: nothing",
        "remedy": "mend it",
    }
    assert hosts["m2"]["counts"] == {"passed": 1, "failed": 1, "skipped": 1}
    assert [host["end"] for host in hosts.values()] == [
        "ok",
        "failed",
        "failed",
        "would change",
        "skipped",
    ]


def test_the_schema_can_refuse() -> None:
    made = json.loads(json.dumps(json_report.document(record())))
    made["hosts"][0]["end"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, SCHEMA)


def test_while_a_run_goes_on_there_is_a_report_to_resume_from(tmp_path: Path) -> None:
    made = record()
    path = tmp_path / "r.json"
    del made.results["m4"], made.results["m5"]
    with writer.reports(made, writer.Paths(json=path)) as written:
        written.update()
        found = json.loads(path.read_text())
        jsonschema.validate(found, SCHEMA)
        assert [host["end"] for host in found["hosts"][-2:]] == ["unknown", "unknown"]
        assert list(json_report.finished(path)) == ["m1"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (earlier,) = json_report.finished(path).values()
    assert earlier.earlier
    assert (earlier.changed, earlier.checks) == (1, made.results["m1"].checks)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "mailfab-report", "version": 9}'])
def test_another_file_is_no_report(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UsageError, match="is not the report of a run"):
        json_report.finished(tmp_path / "r.json")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        json_report.finished(tmp_path / "none.json")


def test_a_rollout_keeps_a_report_in_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    paths = []
    for _ in range(writer.KEPT + 2):
        placed = with_rollout_report(Options(rollout=True)).reports.json
        assert placed is not None
        placed.touch()
        paths.append(placed)
    kept = sorted((tmp_path / "mailfab" / "rollouts").iterdir())
    assert kept == sorted(paths)[-writer.KEPT :]
    mine = tmp_path / "mine.json"
    assert with_rollout_report(Options(rollout=True, resume=mine)).reports.json == mine
    assert with_rollout_report(Options()).reports.json is None


def test_junit(tmp_path: Path) -> None:
    junit.write(record(), tmp_path / "j.xml")
    suites = ET.parse(tmp_path / "j.xml").getroot()
    assert {suite.get("name") for suite in suites} == {"m1", "m2", "m3", "m4", "m5"}
    found = {key: suites.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert found == {"tests": "13", "failures": "1", "errors": "2", "skipped": "2"}
    (failure,) = suites.iterfind(".//failure")
    assert "mend it" in (failure.text or "")


def test_the_table() -> None:
    lines = table.results(record().in_order, terminal=False).splitlines()
    assert lines[0].split() == ["host", "result", "changed", "seconds", "wave", "what", "happened"]
    row = next(line for line in lines if line.startswith("m2"))
    assert "verify: Mail arrives: nothing; rolled back: 1 changed, 0 failed" in row
    assert "\x1b" not in "".join(lines)


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"needs a browser: one of {', '.join(BROWSERS)}")
    return found


def test_the_page_in_a_browser(browser: str, tmp_path: Path) -> None:
    """It shows every host, runs nothing that a host has said, and asks nobody for anything."""
    html.write(record(), tmp_path / "report.html")
    shot = tmp_path / "report.png"
    run = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,1600"),
            *("--enable-logging=stderr", "--dump-dom", f"--screenshot={shot}"),
            (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "<title>mailfab rollout: 5 hosts</title>" in run.stdout
    assert "taken" not in run.stdout.split("<title>")[1].split("</title>")[0]
    assert run.stdout.count('<section class="host"') == 4
    assert "&lt;script&gt;" in run.stdout
    assert "<script" not in run.stdout
    assert "CONSOLE" not in run.stderr, run.stderr
    assert shot.read_bytes().startswith(b"\x89PNG")
    text = html.render(record())
    assert not [word for word in ("http://", "https://", "src=", "@import") if word in text]
