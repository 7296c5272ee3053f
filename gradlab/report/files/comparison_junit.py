"""JUnit XML of a comparison: a test case for each pair of sides and gate, an error for each run that could not be carried out.

    <testsuites name="init_by_depth" tests failures errors time>
      <testsuite name="compare" tests failures errors skipped time>
        <testcase classname="init_by_depth.compare" name="final.loss > +5%: model.depth 10"> <failure> | <skipped> </testcase>

A gate that cannot be judged at a pair ("cannot tell", "too few seeds", "not comparable") is skipped, with the reason: readers of these
files show skipped cases and their messages apart, where the output of a case that passed is shown nowhere, and fail no job for them.
Where no gate is given there is one case a pair, which never fails.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.judgement.comparing.gates import ComparedGate, State
from gradlab.judgement.comparing.sweep_pairs import SweepComparison
from gradlab.report.files.junit import (
    Case,
    add_output,
    add_result,
    add_skipped,
    case_element,
    case_name,
    document,
    run_case,
    run_element,
    suite_element,
)
from gradlab.report.views.compared_points import pair_words
from gradlab.report.views.compared_sweeps import because_words
from gradlab.report.views.comparison import change_words
from gradlab.report.views.run import figure_kind
from gradlab.report.words.values import say
from gradlab.report.words.verdicts import STATES, word_of
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import StoredMember
from gradlab.results.sweeps.members import MissingMember

SUITE = "compare"

_UNJUDGED = ("cannot tell", "too few seeds", "not comparable")


@dataclass(frozen=True)
class GateCase:
    """A condition that must not hold, at one pair.

    Attributes:
        state: Whether it held so that the comparison fails, did not, or could not be judged.
        actual: The values that decided it, or why nothing could.
    """

    text: str
    state: State
    actual: str


@dataclass(frozen=True)
class PairCase:
    """A pair of sides.

    Attributes:
        name: Which pair it is.
        judgement: What it comes to.
        because: Why, "" where the details say it.
        details: Its figures, a line each.
    """

    name: str
    judgement: str
    because: str
    details: Sequence[str]
    gates: Sequence[GateCase]


def sweeps_junit(compared: SweepComparison) -> str:
    """Two sweeps as JUnit XML: their pairs, worst first, and the members of both that could not be carried out."""
    first, second = compared.first.plan.name, compared.second.plan.name
    members = [
        case
        for letter, side in zip("AB", (compared.first, compared.second), strict=True)
        for member, run in side.members
        if (case := _member_case(member, run, f"{side.plan.name}.{letter}")) is not None
    ]
    pairs = [
        PairCase(
            pair_words(pair),
            pair.judgement,
            because_words(pair),
            () if pair.comparison is None else figure_lines(pair.comparison, 0),
            _gates(pair.comparison, 0, (*compared.fail_on, *compared.fail_on_any), pair.because),
        )
        for pair in compared.pairs
    ]
    return comparison_junit(second if first == second else f"{second} against {first}", pairs, members)


def sides_junit(comparison: Comparison, name: str = "compare") -> str:
    """Sides of runs as JUnit XML: each further side is a pair with the first."""
    pairs = [
        PairCase(
            side.label,
            comparison.judgements[index],
            "",
            figure_lines(comparison, index),
            _gates(comparison, index),
        )
        for index, side in enumerate(comparison.sides[1:])
    ]
    return comparison_junit(name, pairs)


def _gates(
    comparison: Comparison | None, index: int, conditions: Sequence[str] = (), because: str = ""
) -> list[GateCase]:
    """The conditions at one pair; without a comparison none of them could be judged."""
    if comparison is None:
        return [GateCase(text, "cannot tell", f"not comparable: {because}") for text in conditions]
    number = len(comparison.gates) // (len(comparison.sides) - 1)  # of each further side
    own = comparison.gates[index * number : (index + 1) * number]
    return [_gate(gate) for _, gate in own]


def _gate(gate: ComparedGate) -> GateCase:
    text = f"{gate.text} (bare figures)" if gate.bare else gate.text
    if gate.state != "cannot tell":
        return GateCase(text, gate.state, gate.actual)
    because = "; ".join(part for part in (gate.because, gate.remedy) if part)
    return GateCase(
        text, gate.state, f"cannot tell: {gate.actual}: {because}" if because else f"cannot tell: {gate.actual}"
    )


def figure_lines(comparison: Comparison, index: int) -> list[str]:
    """The telling figures of a side against the first, a line each.

    Args:
        comparison: Of the sides.
        index: Which further side, from 0.
    """
    lines = []
    for row in comparison.telling:
        change = row.differences[index]
        if change is not None:
            kind = figure_kind(row.figure)
            values = f"{say(row.values[0], kind)} -> {say(row.values[index + 1], kind)}"
            lines.append(f"{row.figure}: {values}, {change_words(change, kind)}, {change.judgement or 'no aim'}")
    return lines


def _member_case(member: StoredMember, run: StoredRun | MissingMember, classname: str) -> Case | None:
    """A member that has no result to be compared, as the sweep's own file has it; None for one that has."""
    if isinstance(run, StoredRun):
        return run_case(run, member.point, classname) if word_of(run) in STATES else None
    name = case_name(str(member.config.get("name", "")), member.point, run.seed, run.id)
    if run.damaged:
        return Case(name, classname, 0.0, "failed", run.reason)
    return Case(name, classname, 0.0, "skipped", run.reason)


def comparison_junit(name: str, pairs: Iterable[PairCase], members: Sequence[Case] = ()) -> str:
    """A comparison as JUnit XML.

    Args:
        name: What is compared.
        pairs: Its pairs, each with its gates judged.
        members: Runs of either side that could not be carried out, or are not there.
    """
    classname = f"{name}.{SUITE}"
    cases = [element for pair in pairs for element in _elements(pair, classname)]
    suites = [suite_element(SUITE, cases)]
    if members:
        suites.append(suite_element("members", [run_element(case) for case in members]))
    return document(name, suites)


def _elements(pair: PairCase, classname: str) -> list[ElementTree.Element]:
    said = f"{pair.judgement}: {pair.because}" if pair.because else pair.judgement
    if not pair.gates:
        element = case_element(pair.name, classname)
        if pair.judgement in _UNJUDGED:
            add_skipped(element, said)
        else:
            add_output(element, "\n".join([said, *pair.details]))
        return [element]
    elements = []
    for gate in pair.gates:
        element = case_element(f"{gate.text}: {pair.name}", classname)
        if gate.state == "failed":
            add_result(element, "failure", "gate", f"{gate.text} holds: {gate.actual}", [said, *pair.details])
        elif gate.state == "cannot tell":
            add_skipped(element, gate.actual)
        else:
            add_output(element, "\n".join([gate.actual, said, *pair.details]))
        elements.append(element)
    return elements
