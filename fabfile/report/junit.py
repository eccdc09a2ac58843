"""The JUnit report: a suite for each host, a case for each section and each check.

In the form that Jenkins, GitLab and others read; there is no official schema.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from fabfile.report import atomic_file
from fabfile.report.check import Check, Outcome
from fabfile.report.result import Result, Status
from fabfile.report.run import Record
from fabfile.report.visible import visible


def write(record: Record, path: Path) -> None:
    """Write the report."""
    suites = ET.Element("testsuites", name="mailfab " + " ".join(record.command))
    for result in record.in_order:
        suites.append(_suite(result))
    for name in ("tests", "failures", "errors", "skipped"):
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    for element in suites.iter():
        element.attrib.update({name: visible(value) for name, value in element.attrib.items()})
        element.text = visible(element.text) if element.text else None
    ET.indent(suites)
    text = ET.tostring(suites, encoding="unicode", xml_declaration=True)
    atomic_file.write(path, f"{text}\n")


def _suite(result: Result) -> ET.Element:
    suite = ET.Element("testsuite", name=result.host, time=f"{result.seconds:.3f}")
    if result.started:
        moment = datetime.fromtimestamp(result.started, UTC)
        suite.set("timestamp", moment.isoformat(timespec="seconds"))
    last = result.phases[-1].name if result.phases else ""
    for phase in result.phases:
        case = ET.SubElement(
            suite, "testcase", classname=result.host, name=phase.name, time=f"{phase.seconds:.3f}"
        )
        if phase.changes:
            ET.SubElement(case, "system-out").text = "\n".join(phase.changes)
        if phase.name == last and result.error:
            _add(case, "error", result.error)
    if not result.phases:
        case = ET.SubElement(suite, "testcase", classname=result.host, name="connect", time="0")
        if result.status is Status.SKIPPED:
            ET.SubElement(case, "skipped")
        elif result.error:
            _add(case, "error", result.error)
    for check in result.checks:
        _check(suite, result.host, check)
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    return suite


def _check(suite: ET.Element, host: str, check: Check) -> None:
    name = f"{check.group}: {check.name}"
    case = ET.SubElement(suite, "testcase", classname=host, name=name, time="0")
    if check.outcome is Outcome.FAILED:
        text = f"{check.seen}\nexpected: {check.expected}\ndo: {check.remedy}"
        _add(case, "failure", text)
    elif check.outcome is Outcome.SKIPPED:
        ET.SubElement(case, "skipped", message=check.seen)


def _add(case: ET.Element, tag: str, text: str) -> None:
    """Add a failure or an error."""
    ET.SubElement(case, tag, message=text.partition("\n")[0]).text = text
