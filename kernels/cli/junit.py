"""JUnit's XML of a run's report: a suite for each kernel, a test case for each property.

The form is the one that CI services read (Jenkins, GitLab, GitHub's report actions): a failure has
a message of one line, and the property's sentence and the failing program as its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from kernels.terminal.printable import printable

Table = Mapping[str, Any]


def junit(table: Table) -> str:
    """The XML of the table of `RunReport`."""
    suites = [_kernel_suite(kernel, table) for kernel in table["kernels"]]
    if table["problems"]:
        suites.append(_problems_suite(table))
    root = ET.Element("testsuites", {"name": "kernels verify", **_counted(suites)})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _kernel_suite(kernel: Table, table: Table) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(f"{kernel['operation']} {kernel['name']}"))
    cases = [_case(entry, kernel, table) for entry in kernel["properties"]]
    _fill(suite, cases, table)
    return suite


def _problems_suite(table: Table) -> ET.Element:
    """What could not be tried, each an error."""
    suite, cases = ET.Element("testsuite", name="not tried"), []
    for problem in table["problems"]:
        case = ET.Element("testcase", classname="not tried", name=_text(problem), time="0.000")
        ET.SubElement(case, "error", message=_text(problem), type="NotTried")
        cases.append(case)
    _fill(suite, cases, table)
    return suite


def _fill(suite: ET.Element, cases: list[ET.Element], table: Table) -> None:
    """The suite's counts, its properties, and its cases."""
    suite.attrib |= {"timestamp": table["date"], "hostname": _text(table["environment"]["host"])}
    settings = ET.SubElement(suite, "properties")
    for name, value in _settings(table):
        ET.SubElement(settings, "property", name=name, value=_text(value))
    suite.extend(cases)
    suite.attrib |= {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{sum(float(case.get('time', 0)) for case in cases):.3f}",
    }


def _settings(table: Table) -> Iterator[tuple[str, object]]:
    for name in ("verdict", "profile", "seed", "device"):
        yield name, table[name]
    for name, value in table["environment"].items():
        if name != "libraries":
            yield name, value
    for library, version in table["environment"]["libraries"].items():
        yield library, version or "not installed"


def _case(entry: Table, kernel: Table, table: Table) -> ET.Element:
    """A property: passed, failed, or skipped if it did not apply or was not run."""
    file = kernel["file"]
    place = [Path(file).stem] if file else []
    case = ET.Element(
        "testcase",
        classname=_text(".".join([*place, kernel["operation"], kernel["name"]])),
        name=_text(entry["name"]),
        time=f"{entry.get('seconds', 0.0):.3f}",
    )
    if file:
        case.set("file", _text(file))
    match entry["verdict"]:
        case "fails":
            first = printable(entry["message"].split("\n")[0])
            failure = ET.SubElement(case, "failure", message=_text(first), type=entry["kind"])
            failure.text = _text(_explained(entry))
        case "not applicable":
            ET.SubElement(case, "skipped", message="the kernel supports no call it concerns")
        case "not run":
            ET.SubElement(case, "skipped", message="the run ended before")
    if share := entry.get("worst_error_in_bounds"):
        out = ET.SubElement(case, "system-out")
        out.text = _text(
            f"{entry['examples']} examples; worst error {share:.3g} of its bound, at "
            f"{entry['worst_geometry']}"
        )
    return case


def _explained(entry: Table) -> str:
    parts = entry["sentence"], f"But {entry['message']}", entry["program"], entry["replay"]
    return "\n\n".join(part for part in parts if part)


def _counted(suites: list[ET.Element]) -> dict[str, str]:
    """The sums over all suites."""
    sums = {
        name: str(sum(int(suite.get(name, 0)) for suite in suites))
        for name in ("tests", "failures", "errors", "skipped")
    }
    return sums | {"time": f"{sum(float(suite.get('time', 0)) for suite in suites):.3f}"}


def _text(value: object) -> str:
    """Text that XML can contain: control characters are escaped."""
    return printable(str(value), "\n")
