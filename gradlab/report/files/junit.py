"""JUnit XML of a sweep, as CI services read it: a test case a run, and one a gate.

    <testsuites name="init_by_depth" tests failures errors time>
      <testsuite name="init_by_depth" tests failures errors skipped time>     one testcase a run
        <testcase classname name time> <error> | <failure> | <skipped> </testcase>
      <testsuite name="gates" ...>                                            one testcase a gate

A run that could not be carried out is an error, an expectation or a gate that does not hold a failure; a run that
diverged is a result like any other.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from gradlab.config.catalogue import OutcomeKind
from gradlab.config.logic import in_words
from gradlab.config.text import one_line
from gradlab.judgement.conditions.gates import GateResult
from gradlab.report.words.values import Value, counted
from gradlab.results.stored import StoredRun

GATES = "gates"
"""Name of the suite that the gates are in."""

# All that XML 1.0 allows: anything else would make the whole file unreadable, escaped or not.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ENDED = {"failed": "failed", "interrupted": "was interrupted"}


@dataclass(frozen=True)
class Case:
    """A run as a test case.

    Attributes:
        name: What it is called; with `classname` it tells the run from all others.
        classname: What it belongs to.
        seconds: What it took.
        outcome: How the run ended; `skipped` for one that was not started.
        reason: One sentence on how it ended, None where there is nothing to say.
        details: More of the same, such as where the run lies; "" for nothing.
        failed: Text and actual value of each expectation that does not hold.
    """

    name: str
    classname: str
    seconds: float
    outcome: OutcomeKind | Literal["skipped"] = "completed"
    reason: str | None = None
    details: str = ""
    failed: tuple[tuple[str, str], ...] = ()


def case_name(name: str, point: Mapping[str, Value], seed: int | None, id: str) -> str:
    """What a member is called, whether it was carried out or not.

    Args:
        name: Of its experiment.
        point: What the sweep set for it, dotted key -> value, without the seed.
        seed: Its seed.
        id: Of its run.
    """
    # The name leads, and is a setting where a sweep has several bases.
    settings = [
        f"{key}={'null' if value is None else in_words(value)}" for key, value in point.items() if key != "name"
    ]
    return " ".join([name, *settings, f"seed={seed}", f"[{id}]"])


def run_case(run: StoredRun, point: Mapping[str, Value], sweep: str) -> Case:
    """A stored run as a test case.

    Its seconds are its part of the batch that it was trained in, so that those of all runs add up.

    Args:
        run: The run; its tables are not opened.
        point: What the sweep set for it, dotted key -> value, without the seed.
        sweep: Name of the sweep.
    """
    summary = run.summary
    return Case(
        name=case_name(run.name, point, run.seed, run.id),
        classname=sweep,
        seconds=run.timing.train_seconds / max(1, run.timing.batch_runs),
        outcome=summary.outcome.kind,
        reason=summary.outcome.reason,
        details="\n".join([f"verdict: {summary.verdict}", *(item.message for item in summary.findings), str(run.path)]),
        failed=tuple((item.text, item.actual) for item in summary.expectations if not item.passed),
    )


def junit_xml(name: str, cases: Sequence[Case], gates: Sequence[GateResult], timestamp: str | None = None) -> str:
    r"""The runs and gates of a sweep as JUnit XML.

    Args:
        name: Name of the sweep.
        cases: One a run.
        gates: The gates, judged.
        timestamp: When the sweep was started, ISO 8601; None leaves it out.

    Returns:
        The document with its declaration, which says UTF-8; the same for the same input. Characters that XML cannot
        hold are spelled out, as `\x1b`.
    """
    suites = [
        suite_element(
            name, [run_element(case) for case in cases], sum(_seconds(case.seconds) for case in cases), timestamp
        )
    ]
    if gates:
        suites.append(suite_element(GATES, [_gate(gate, name) for gate in gates], 0.0, timestamp))
    return document(name, suites)


def document(name: str, suites: Sequence[ElementTree.Element]) -> str:
    """The whole file, with its declaration; its time is that of the first suite."""
    totals = {key: str(sum(int(suite.attrib[key]) for suite in suites)) for key in ("tests", "failures", "errors")}
    # No `skipped` here: schemas in use refuse it on the root.
    root = ElementTree.Element("testsuites", {"name": _line(name), **totals, "time": suites[0].attrib["time"]})
    root.extend(suites)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def suite_element(
    name: str, cases: Sequence[ElementTree.Element], seconds: float = 0.0, timestamp: str | None = None
) -> ElementTree.Element:
    """Test cases, counted."""

    def number(tag: str) -> str:
        return str(sum(case.find(tag) is not None for case in cases))

    attributes = {
        "name": _line(name),
        "tests": str(len(cases)),
        "failures": number("failure"),
        "errors": number("error"),
        "skipped": number("skipped"),
        "time": _time(seconds),
    }
    if timestamp is not None:
        attributes["timestamp"] = timestamp
    suite = ElementTree.Element("testsuite", attributes)
    suite.extend(cases)
    return suite


def run_element(case: Case) -> ElementTree.Element:
    """A run as a test case; one that could not be carried out is an error, whatever was expected of it."""
    element = case_element(case.name, case.classname, _seconds(case.seconds))
    expected = [f"expected {text}\n     got {actual}" for text, actual in case.failed]
    if case.outcome in ("failed", "interrupted"):
        add_result(
            element, "error", case.outcome, case.reason or f"the run {_ENDED[case.outcome]}", [case.details, *expected]
        )
    elif case.failed:
        text, actual = case.failed[0]
        message = f"{text}: got {actual}"
        if len(case.failed) > 1:
            message = f"{counted(len(case.failed), 'expectation')} failed; the first: {message}"
        add_result(element, "failure", "expectation", message, [*expected, case.details])
    elif case.outcome == "skipped":
        add_skipped(element, case.reason or "the run was not started")
    elif case.details:
        add_output(element, case.details)
    return element


def _gate(gate: GateResult, sweep: str) -> ElementTree.Element:
    element = case_element(gate.text, f"{sweep}.{GATES}", 0.0)
    if not gate.passed:
        message = gate.actual if gate.groups else f"got {gate.actual}"
        groups = [f"{group.label}: got {group.actual}" for group in gate.groups if not group.passed]
        add_result(element, "failure", "gate", message, [f"expected {gate.text}", *(groups or [f"     {message}"])])
    return element


def case_element(name: str, classname: str, seconds: float = 0.0) -> ElementTree.Element:
    """A test case that passed."""
    return ElementTree.Element("testcase", {"classname": _line(classname), "name": _line(name), "time": _time(seconds)})


def add_skipped(case: ElementTree.Element, why: str) -> None:
    """Nothing was judged, and why."""
    ElementTree.SubElement(case, "skipped").set("message", _line(why))


def add_output(case: ElementTree.Element, text: str) -> None:
    """What is to be known of a case that passed."""
    ElementTree.SubElement(case, "system-out").text = _text(text)


def add_result(
    case: ElementTree.Element, tag: Literal["error", "failure"], kind: str, message: str, body: Sequence[str]
) -> None:
    """What did not pass: its kind, a line, and more lines."""
    result = ElementTree.SubElement(case, tag, {"type": kind, "message": _line(message)})
    result.text = _text("\n".join(part for part in body if part))


def _seconds(seconds: float) -> float:
    """A time to the millisecond, so that what is shown adds up."""
    return round(seconds, 3) if math.isfinite(seconds) and seconds > 0 else 0.0


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _text(text: str) -> str:
    """Text that XML can hold; a carriage return, which a reader would take for a line's end, is one."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _ILLEGAL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), lines)


def _line(text: str) -> str:
    return _text(one_line(text))
