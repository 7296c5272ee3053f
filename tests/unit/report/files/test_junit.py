"""JUnit XML: against a schema, through a reader, and with text that would break it."""

import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import junitparser
import pytest
import xmlschema
from made.runs import make_run

from gradlab.judgement.conditions.gates import GateResult, GroupResult
from gradlab.report.files.junit import Case, junit_xml, run_case
from gradlab.results.record import Expectation, Outcome

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))

PASSED = Case("a", "sweep", 1.25, details="verdict: healthy")
DIVERGED = Case("b", "sweep", 0.5, "diverged", "the loss became NaN at step 3")
BROKEN = Case("c", "sweep", 0.25, "failed", "RuntimeError: no memory", "Traceback\n  line 3", (("a == b", "c"),))
STOPPED = Case("d", "sweep", 0.0, "interrupted")
LEFT = Case("e", "sweep", 0.0, "skipped", "3 failures were enough")
MISSED = Case("f", "sweep", 2.0, failed=(("verdict == healthy", "vanishing"), ("final.loss < 1", "2.3")))
CASES = (PASSED, DIVERGED, BROKEN, STOPPED, LEFT, MISSED)

HELD = GateResult("count(verdict == dead) == 0", True, "0")
GROUPS = (GroupResult({"model.depth": 10}, True, "0", 5), GroupResult({"model.depth": 50}, False, "2 (x, y)", 5))
SPLIT = GateResult("count(verdict == vanishing) == 0 by model.depth", False, "fails in 1 of 2 groups", GROUPS)

NASTY = (
    "quotes \" and ' and <tags> & &amp; ]]> <!--",
    "tab\tbell\x07escape\x1b[31m null\x00 delete\x7f",
    "first\r\nsecond\rthird\nfourth",
    "😀 é 中文",
    "שלום \u202eabc\u202c \u2066x\u2069",
    "lone \ud800 surrogates \udfff, \ufffe and \uffff",
)


def read(xml: str) -> ElementTree.Element:
    """What a reader gets of the file, when it is the kind of file that the schema describes."""
    data = xml.encode("utf-8")
    root = ElementTree.fromstring(data)
    SCHEMA.validate(data)
    return root


def case(xml: str, name: str) -> ElementTree.Element:
    (found,) = [element for element in read(xml).iter("testcase") if element.get("name") == name]
    return found


def test_the_schema_refuses_what_readers_do() -> None:
    """So that it can fail where it is used here."""
    good = '<testsuites><testsuite name="a" tests="1" failures="0" errors="0" time="1">%s</testsuite></testsuites>'
    assert SCHEMA.is_valid(good % '<testcase name="a" classname="b" time="0.1"/>')
    for body in (
        '<testcase name="a" classname="b" time="1e-3"/>',
        '<testcase name="a" classname="b"/>',
        '<testcase name="a" classname="b" time="0"><system-out/><failure type="x" message="y"/></testcase>',
        '<testcase name="a" classname="b" time="0"><failure message="y"/></testcase>',
        '<testcase name="a" classname="b" time="0"><error type="x" message="y"/><skipped/></testcase>',
        '<case name="a" classname="b" time="0"/>',
    ):
        assert not SCHEMA.is_valid(good % body), body


def test_counts_and_times() -> None:
    root = read(junit_xml("sweep", CASES, [HELD, SPLIT]))
    runs, gates = root
    assert root.attrib == {"name": "sweep", "tests": "8", "failures": "2", "errors": "2", "time": "4.000"}
    assert runs.attrib == {
        "name": "sweep",
        "tests": "6",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
        "time": "4.000",
    }
    assert gates.attrib == {
        "name": "gates",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
        "time": "0.000",
    }
    assert [element.get("time") for element in runs] == ["1.250", "0.500", "0.250", "0.000", "0.000", "2.000"]


def test_the_times_that_are_shown_add_up() -> None:
    seconds = [0.0004, 0.0014, math.nan, math.inf, -1.0, 12345.6789]
    runs = read(junit_xml("sweep", [replace(PASSED, seconds=each) for each in seconds], []))[0]
    assert [element.get("time") for element in runs] == ["0.000", "0.001", "0.000", "0.000", "0.000", "12345.679"]
    assert runs.get("time") == "12345.680"


def test_a_second_reader_sees_the_same() -> None:
    found = junitparser.JUnitXml.fromstring(junit_xml("sweep", CASES, [HELD, SPLIT]).encode())
    assert [suite.name for suite in found] == ["sweep", "gates"]
    results = {each.name: [type(result).__name__ for result in each.result] for suite in found for each in suite}
    assert results == {
        "a": [],
        "b": [],
        "c": ["Error"],
        "d": ["Error"],
        "e": ["Skipped"],
        "f": ["Failure"],
        HELD.text: [],
        SPLIT.text: ["Failure"],
    }
    stated = (found.tests, found.failures, found.errors, found.time)
    found.update_statistics()
    assert (found.tests, found.failures, found.errors, found.time) == stated == (8, 2, 2, 4.0)


def test_a_run_that_could_not_be_carried_out_is_an_error_with_all_that_is_known() -> None:
    (error,) = case(junit_xml("sweep", CASES, []), "c")
    assert (error.tag, error.get("type"), error.get("message")) == ("error", "failed", "RuntimeError: no memory")
    assert error.text == "Traceback\n  line 3\nexpected a == b\n     got c"
    (error,) = case(junit_xml("sweep", CASES, []), "d")
    assert (error.tag, error.get("type"), error.get("message")) == ("error", "interrupted", "the run was interrupted")


def test_a_diverged_run_is_a_result_and_may_miss_what_was_expected() -> None:
    assert len(case(junit_xml("sweep", [DIVERGED], []), "b")) == 0
    (failure,) = case(junit_xml("sweep", [replace(DIVERGED, failed=(("outcome == completed", "diverged"),))], []), "b")
    assert (failure.tag, failure.get("message")) == ("failure", "outcome == completed: got diverged")


def test_failed_expectations_are_one_failure_that_lists_them() -> None:
    (failure,) = case(junit_xml("sweep", CASES, []), "f")
    assert (failure.tag, failure.get("type")) == ("failure", "expectation")
    assert failure.get("message") == "2 expectations failed; the first: verdict == healthy: got vanishing"
    assert failure.text == "expected verdict == healthy\n     got vanishing\nexpected final.loss < 1\n     got 2.3"


def test_a_run_that_was_not_started_is_skipped() -> None:
    (skipped,) = case(junit_xml("sweep", CASES, []), "e")
    assert (skipped.tag, skipped.get("message")) == ("skipped", "3 failures were enough")


def test_a_gate_says_which_groups_fail() -> None:
    found = case(junit_xml("sweep", [], [HELD, SPLIT]), SPLIT.text)
    assert found.get("classname") == "sweep.gates"
    (failure,) = found
    assert (failure.get("type"), failure.get("message")) == ("gate", "fails in 1 of 2 groups")
    assert failure.text == f"expected {SPLIT.text}\nmodel.depth = 50: got 2 (x, y)"
    (failure,) = case(junit_xml("sweep", [], [replace(HELD, passed=False, actual="1 (x)")]), HELD.text)
    assert failure.get("message") == "got 1 (x)"
    assert failure.text == f"expected {HELD.text}\n     got 1 (x)"


def test_without_gates_there_is_no_suite_of_them_and_without_runs_an_empty_one() -> None:
    (suite,) = read(junit_xml("sweep", [], []))
    assert (suite.get("name"), suite.get("tests"), len(suite)) == ("sweep", "0", 0)


@pytest.mark.parametrize("text", NASTY)
def test_any_text_can_be_written_and_read_back(text: str) -> None:
    cases = [
        Case(text, text, 1.0, "failed", text, text, ((text, text),)),
        Case(text, text, 1.0, failed=((text, text),), details=text),
        Case(text, text, 1.0, "skipped", text),
        Case(text, text, 1.0, details=text),
    ]
    gates = [GateResult(text, False, text, (GroupResult({"name": text}, False, text, 1),)), GateResult(text, True, "")]
    xml = junit_xml(text, cases, gates)
    assert "\r" not in xml
    root = read(xml)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    for char in lines:
        if (ord(char) < 32 and char not in "\n\t") or 0xD800 <= ord(char) <= 0xDFFF or char in "\ufffe\uffff":
            lines = lines.replace(char, ascii(char)[1:-1])
    (details,) = root.iter("system-out")
    assert details.text == lines
    assert {each.get("name") for each in root.iter("testcase")} == {" ".join(lines.split())}
    SCHEMA.validate(junit_xml(text, cases, gates, "2026-01-01T00:00:00").encode())


def test_the_same_input_gives_the_same_text_and_a_time_only_where_one_is_given() -> None:
    xml = junit_xml("sweep", CASES, [SPLIT])
    assert xml == junit_xml("sweep", CASES, [SPLIT])
    assert "timestamp" not in xml
    assert xml.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="sweep"')
    assert {suite.get("timestamp") for suite in read(junit_xml("sweep", CASES, [SPLIT], "2026-01-01T00:00:00"))} == {
        "2026-01-01T00:00:00"
    }


def test_a_stored_run_becomes_a_case_without_its_tables() -> None:
    def never() -> None:
        raise AssertionError("the tables were opened")

    run = replace(make_run(seed=3, kind="failed"), read=never)
    missed = Expectation("verdict == healthy", False, "vanishing")
    outcome = Outcome("failed", reason="RuntimeError: no memory")
    run = replace(run, summary=replace(run.summary, outcome=outcome, expectations=(*run.summary.expectations, missed)))
    run = replace(run, timing=replace(run.timing, train_seconds=6.0, batch_runs=4))
    point = {"name": "synthetic", "model.depth": 50, "train.clip_norm": None, "data.standardize": True}
    found = run_case(run, point, "sweep")
    settings = "model.depth=50 train.clip_norm=null data.standardize=true"
    assert found.name == f"synthetic {settings} seed=3 [0123456789ab]"
    assert (found.classname, found.seconds, found.outcome) == ("sweep", 1.5, "failed")
    assert found.reason == "RuntimeError: no memory"
    assert found.failed == (("verdict == healthy", "vanishing"),)
    assert found.details.splitlines()[0] == "verdict: vanishing"
    assert found.details.splitlines()[-1] == "nowhere"
    read(junit_xml("sweep", [found], []))
