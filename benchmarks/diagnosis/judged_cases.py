"""gradlab's summaries of cases, each judged once, and what they score: verdicts by half and seed, named causes, pairs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.diagnosis.case import LABELS, Case
from benchmarks.diagnosis.causes import Causes, blames, causes, leading, names
from benchmarks.diagnosis.constructed import SICK
from benchmarks.diagnosis.intervals import Share
from benchmarks.diagnosis.tables import table
from benchmarks.diagnosis.trained import Kept
from gradlab.execution.rejudge import judged
from gradlab.results.record import Summary

Summaries = Mapping[str, Summary]


def summarise(cases: Iterable[Case], kept: Mapping[str, Kept]) -> dict[str, Summary]:
    """Name of the case -> what today's rules say of its record."""
    return {case.name: judged(case.experiment, kept[case.name].record, kept[case.name].outcome) for case in cases}


def right(cases: Iterable[Case], summaries: Summaries) -> Share:
    """Cases with their label."""
    answers = [summaries[case.name].verdict == case.label for case in cases]
    return Share(sum(answers), len(answers))


def balanced(cases: Sequence[Case], summaries: Summaries) -> float:
    """Mean over labels of the share of their cases that got them."""
    own = [right([case for case in cases if case.label == label], summaries) for label in LABELS]
    shares = [share.value for share in own if share.total]
    return sum(shares) / len(shares) if shares else 1.0


def alarms(cases: Iterable[Case], summaries: Summaries, label: str = "healthy") -> Share:
    """Cases of a label that got any other verdict."""
    answers = [summaries[case.name].verdict != label for case in cases if case.label == label]
    return Share(sum(answers), len(answers))


def seed_of(case: Case) -> int:
    """Which of the seeds of its construction it is."""
    _, mark, seed = case.variant.rpartition(", seed ")
    return int(seed) if mark and seed.isdigit() else 0


def rates(cases: Sequence[Case], summaries: Summaries) -> str:
    """Missed and wrongly given, by verdict, with intervals."""
    rows = []
    for label in LABELS:
        own = [case for case in cases if case.label == label]
        others = [case for case in cases if case.label != label]
        given = Share(sum(summaries[case.name].verdict == label for case in others), len(others))
        became: dict[str, int] = {}
        for case in own:
            if (verdict := summaries[case.name].verdict) != label:
                became[verdict] = became.get(verdict, 0) + 1
        rows.append(
            [
                label,
                str(len(own)),
                str(alarms(own, summaries, label)),
                str(given),
                ", ".join(f"{v} {n}" for v, n in became.items()),
            ]
        )
    return table(["verdict", "cases", "missed, %", "given wrongly, %", "missed as"], rows)


def seeds(cases: Sequence[Case], summaries: Summaries) -> str:
    """Balanced accuracy and false alarms, seed by seed."""
    rows = []
    for seed in sorted({seed_of(case) for case in cases}):
        own = [case for case in cases if seed_of(case) == seed]
        rows.append([str(seed), str(len(own)), f"{balanced(own, summaries):.3f}", str(alarms(own, summaries))])
    if len(rows) > 1:
        rows.append(["all", str(len(cases)), f"{balanced(cases, summaries):.3f}", str(alarms(cases, summaries))])
    return table(["seed", "cases", "balanced accuracy", "false alarms on healthy, %"], rows)


@dataclass(frozen=True)
class Group:
    """Cases of one cause.

    Attributes:
        title: What it is.
        starts: What the names of its families begin with.
    """

    title: str
    starts: tuple[str, ...]


GROUPS = (
    Group("inputs in other units", ("raw inputs", "pair, ")),
    Group("targets in other units", ("raw targets",)),
    Group("readout and its bias", ("a readout ten", "an output bias")),
    Group("units that are copies", ("copies", "zeros under zeros")),
    Group(
        "rates, formats", ("steps too small", "hardly moving", "finite and far", "jumping", "lost in", "updates below")
    ),
    Group("all of them", ("",)),
)


def named(cases: Sequence[Case], summaries: Summaries) -> str:
    """How often the leading remedy changes the cause, and how often what is right is blamed."""
    rows = []
    for group in GROUPS:
        own: Causes = causes([case for case in cases if case.family.name.startswith(group.starts)], summaries)
        rows.append([group.title, str(own.named.total), str(own.named), str(own.blamed.total), str(own.blamed)])
    return table(["what is wrong", "sick runs", "named, %", "runs with something right", "blamed, %"], rows)


def pairs(cases: Sequence[Case], summaries: Summaries) -> str:
    """Raw data and the same at unit scale: the share of sick raw runs that name the scale first, and of the others that do."""
    own = [case for case in cases if case.family.name.startswith("pair, ") and seed_of(case) == 0]
    raw = [case for case in own if case.family.name.endswith(", raw")]
    unit = [case for case in own if case.family.name.endswith(", unit")]
    sick = [case for case in raw if names(case, summaries[case.name]) is not None]
    hit = Share(sum(bool(names(case, summaries[case.name])) for case in sick), len(sick))
    wrong = Share(sum(bool(blames(case, summaries[case.name])) for case in unit), len(unit))
    return table(
        ["pairs", "runs", "name the scale first, %"],
        [["raw, sick or undecided", str(hit.total), str(hit)], ["at unit scale", str(wrong.total), str(wrong)]],
    )


REASONS = (
    ("last digits", "the last digits of the weights decide, or the last steps"),
    ("jumps about", "the last digits of the weights decide, or the last steps"),
    ("told apart", "classes are told apart, at a loss that is no better than the constant answer's"),
    ("a little learned:", "a little learned, less than chance would have to be excluded"),
    ("hardly anything", "a little learned, less than chance would have to be excluded"),
    ("times its steps", "about ten times its steps would do, or nothing showed that they would"),
    ("a plateau", "about ten times its steps would do, or nothing showed that they would"),
    ("later, or too short", "about ten times its steps would do, or nothing showed that they would"),
    ("decades", "a signal that is lost or grows in training, or by one and a half to three decades"),
    ("dead, ", "three quarters to nearly all units of a layer dead or flat at the end"),
    ("last bit", "flat to the last bit: saturated, and nothing comes through"),
    ("allow", "plain training does not bear the construction out"),
)
"""Part of the reason for which a case was left out -> how that is said."""


def left_out(cases: Sequence[tuple[Case, str]], summaries: Summaries) -> str:
    """What gradlab says of cases that are in no score."""
    groups: dict[str, list[Case]] = {}
    for case, why in cases:
        title = next((title for part, title in REASONS if part in why), why)
        groups.setdefault(title, []).append(case)
    rows = []
    for title, own in groups.items():
        said: dict[str, int] = {}
        for case in own:
            verdict = summaries[case.name].verdict
            said[verdict] = said.get(verdict, 0) + 1
        rows.append(
            [title, str(len(own)), ", ".join(f"{v} {n}" for v, n in sorted(said.items(), key=lambda item: -item[1]))]
        )
    return table(["why it is left out", "cases", "gradlab says"], rows)


def misses(cases: Iterable[Case], summaries: Summaries, verdicts: bool = True) -> list[str]:
    """Every case with another verdict than its label or another cause than its own, with what was said."""
    lines = []
    for case in cases:
        summary = summaries[case.name]
        faults = [] if summary.verdict == case.label or not verdicts else [f"{case.label} -> {summary.verdict}"]
        if names(case, summary) is False:
            faults.append(f"cause {case.family.cause[0]} not named")
        if blames(case, summary):
            faults.append("blames what is right")
        if not faults:
            continue
        first = leading(summary)
        said = (
            ""
            if first is None
            else f"{first.rule}: {first.message} | {dict(first.remedies[0].settings) if first.remedies else {}}"
        )
        lines.append(f"{'; '.join(faults)}: {case.name} | {said}")
    return lines


def sick(cases: Iterable[Case]) -> list[Case]:
    """Those whose label is neither healthy nor undecided."""
    return [case for case in cases if case.label in SICK]
