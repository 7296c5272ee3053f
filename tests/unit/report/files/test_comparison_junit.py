"""JUnit XML of a comparison, against the schema that readers have."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import junitparser
import pytest
import xmlschema
from made.deep_runs import stored
from made.swept_sides import EXPERIMENT, came_to, side

from gradlab.config.sweeps.sweep import SweepMember
from gradlab.judgement.comparing.comparison import compare_sides
from gradlab.judgement.comparing.sweep_pairs import compare_points
from gradlab.report.files.comparison_junit import PairCase, comparison_junit, sides_junit, sweeps_junit
from gradlab.results.record import Outcome, Summary

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))
OTHER = {**EXPERIMENT, "train": {"lr": 0.02}}
GRID = {"model.depth": [3, 5]}


def read(xml: str) -> ElementTree.Element:
    SCHEMA.validate(xml.encode())
    return ElementTree.fromstring(xml.encode())


def worse(member: SweepMember) -> Summary:
    """Worse at depth 5; the run of seed 1 at depth 3 fails."""
    if member.point["model.depth"] == 3 and member.experiment.seed == 1:
        nothing: dict[str, Any] = {"init": {}, "final": {}, "learning_layers": None, "verdict": "not_judged"}
        return came_to(0.3, outcome=Outcome("failed", reason="RuntimeError: <no> luck"), **nothing)
    shift = 0.2 if member.point["model.depth"] == 5 else 0.0
    return came_to(0.3 + 0.001 * (member.experiment.seed or 0) + shift)


def cases(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {str(case.get("name")): case for case in root.iter("testcase")}


def test_a_case_for_each_pair_and_gate_and_an_error_for_a_run_that_failed() -> None:
    compared = compare_points(
        side(grid=GRID),
        side(grid=GRID, experiment=OTHER, come_to=worse),
        ["final.loss > +20%"],
        fail_on_any=["final.loss > 9"],
    )
    root = read(sweeps_junit(compared))
    pairs, members = root
    assert (pairs.get("name"), pairs.get("tests"), pairs.get("failures")) == ("compare", "4", "1")
    assert {case.get("classname") for case in pairs} == {"S.compare"}
    failed = cases(root)["final.loss > +20%: model.depth 5"].find("failure")
    assert failed is not None
    assert (failed.get("message") or "").startswith("final.loss > +20% holds: 0.501")
    assert "final.loss: 0.31 -> 0.501" in (failed.text or "")
    assert cases(root)["final.loss > 9 (bare figures): model.depth 5"].find("failure") is None
    (error,) = [case.find("error") for case in members]
    assert error is not None
    assert error.get("message") == "RuntimeError: <no> luck"
    assert [case.get("classname") for case in members] == ["S.B"]
    assert junitparser.JUnitXml.fromstring(sweeps_junit(compared).encode()).failures == 1


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"seeds": "0"}, "cannot tell: "),
        ({"missing": range(6)}, "not comparable: no run of B"),
    ],
)
def test_a_gate_that_cannot_be_judged_is_skipped_with_the_reason(second: dict[str, Any], why: str) -> None:
    compared = compare_points(
        side(grid=GRID), side(grid=GRID, experiment=OTHER, come_to=worse, **second), ["final.loss > +2%"]
    )
    root = read(sweeps_junit(compared))
    skipped = [case.find("skipped") for case in root[0]]
    assert len(skipped) == 2
    told = [one.get("message") or "" for one in skipped if one is not None]
    assert told
    assert all(message.startswith(why) for message in told)
    assert root.get("failures") == "0"


def test_without_a_gate_a_case_a_pair_never_fails() -> None:
    compared = compare_points(side(grid=GRID), side(grid=GRID, experiment=OTHER, come_to=worse))
    root = read(sweeps_junit(compared))
    assert list(cases(root))[:2] == ["model.depth 5", "model.depth 3"]
    assert root.get("failures") == "0"
    output = cases(root)["model.depth 5"].find("system-out")
    assert output is not None
    assert (output.text or "").startswith("worse: final.loss\n")


def test_a_pair_that_is_not_judged_is_skipped_without_a_gate_too() -> None:
    (case,) = cases(
        read(comparison_junit("S", [PairCase("all of it", "too few seeds", "one seed a side", (), ())]))
    ).values()
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "too few seeds: one seed a side"


def test_sweeps_of_two_names_and_members_that_are_missing() -> None:
    compared = compare_points(side(grid=GRID, name="old"), side(grid=GRID, name="new", missing={0}))
    root = read(sweeps_junit(compared))
    assert root.get("name") == "new against old"
    (missing,) = [case.find("skipped") for case in root[1]]
    assert missing is not None
    assert missing.get("message") == "not trained yet, or removed"


def test_sides_of_runs() -> None:
    compared = compare_sides(
        [[stored(50, None)], [stored(20, None)], [stored(7, None)]], ["model.depth == 7", "verdict == dead"]
    )
    root = read(sides_junit(compared))
    assert root.get("name") == "compare"
    found = cases(root)
    assert len(found) == 4
    assert [name.partition(":")[0] for name, case in found.items() if case.find("failure") is not None] == [
        "model.depth == 7"
    ]
