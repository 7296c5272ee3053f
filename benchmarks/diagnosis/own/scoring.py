"""How often gradlab and other tools are right about labelled modules."""

from collections.abc import Mapping, Sequence

from benchmarks.diagnosis.case import LABELS
from benchmarks.diagnosis.intervals import Share
from benchmarks.diagnosis.own.peers import TOOLS
from benchmarks.diagnosis.own.recording import Kept
from benchmarks.diagnosis.own.training import Own
from benchmarks.diagnosis.tables import percent, table
from gradlab.execution.rejudge import judged

Verdicts = Mapping[str, str]
"""Name of a case -> what a tool says."""


def gradlab_says(cases: Sequence[Own], kept: Mapping[str, Kept]) -> Verdicts:
    """Verdicts of today's rules."""
    return {
        own.name: judged(found.experiment, found.record, found.outcome).verdict for own, found in _pairs(cases, kept)
    }


def _pairs(cases: Sequence[Own], kept: Mapping[str, Kept]) -> list[tuple[Own, Kept]]:
    return [(own, kept[own.name]) for own in cases]


def others_say(cases: Sequence[Own], kept: Mapping[str, Kept]) -> dict[str, Verdicts]:
    """Name of a tool -> its verdicts."""
    return {tool.title: {own.name: tool.says(found.peer) for own, found in _pairs(cases, kept)} for tool in TOOLS}


def balanced(cases: Sequence[Own], said: Verdicts, labels: Sequence[str] = LABELS) -> float:
    """Mean over labels of the share of their cases that got them."""
    shares = []
    for label in labels:
        own = [said[case.name] == label for case in cases if case.label == label]
        shares += [sum(own) / len(own)] if own else []
    return sum(shares) / len(shares) if shares else 1.0


def balances(cases: Sequence[Own], kept: Mapping[str, Kept]) -> str:
    """Balanced accuracy and false alarms on healthy of every tool."""
    every = {"gradlab": gradlab_says(cases, kept)} | others_say(cases, kept)
    can_say = {"gradlab": frozenset(LABELS)} | {tool.title: tool.can_say for tool in TOOLS}
    healthy = [case for case in cases if case.label == "healthy"]
    rows = []
    for title, said in every.items():
        alarms = Share(sum(said[case.name] != "healthy" for case in healthy), len(healthy))
        own = [label for label in LABELS if label in can_say[title]]
        rows.append(
            [title, f"{balanced(cases, said):.3f}", f"{balanced(cases, said, own):.3f}", str(len(own)), str(alarms)]
        )
    return table(["tool", "over all labels", "over its own", "classes", "false alarms on healthy, %"], rows)


def rates(cases: Sequence[Own], kept: Mapping[str, Kept]) -> str:
    """Missed and wrongly given by gradlab, by verdict, with the others' misses."""
    said, others = gradlab_says(cases, kept), others_say(cases, kept)
    rows = []
    for label in LABELS:
        own = [case for case in cases if case.label == label]
        rest = [case for case in cases if case.label != label]
        if not own:
            continue
        missed = Share(sum(said[case.name] != label for case in own), len(own))
        given = Share(sum(said[case.name] == label for case in rest), len(rest))
        cells = []
        for tool in TOOLS:
            found = others[tool.title]
            wrong = sum(found[case.name] != label for case in own) / len(own)
            cells.append(percent(wrong) if label in tool.can_say else "cannot say")
        rows.append([label, str(len(own)), str(missed), str(given), *cells])
    return table(
        ["verdict", "cases", "missed, %", "given wrongly, %", *[f"{tool.title} misses, %" for tool in TOOLS]], rows
    )


def misses(cases: Sequence[Own], kept: Mapping[str, Kept]) -> list[str]:
    """Cases that gradlab is wrong about, with what it says."""
    lines = []
    for own, found in _pairs(cases, kept):
        summary = judged(found.experiment, found.record, found.outcome)
        if summary.verdict != own.label:
            told = " | ".join(f"{item.rule} {item.severity}: {item.message}" for item in summary.findings)
            lines.append(f"{own.label} -> {summary.verdict}: {own.name}: {told}")
    return lines


def listed(cases: Sequence[Own]) -> str:
    """The cases, with their labels and why."""
    rows = []
    for family in dict.fromkeys(own.family for own in cases):
        own = [each for each in cases if each.family == family]
        rows.append([family, own[0].label, "; ".join(each.variant for each in own), own[0].reason])
    return table(["family", "label", "cases", "why"], rows)
