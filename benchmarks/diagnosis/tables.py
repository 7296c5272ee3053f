"""The benchmark's figures as text, the same for the terminal and for the docs (Markdown)."""

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.diagnosis.case import LABELS, Case, Family, Half
from benchmarks.diagnosis.intervals import Share
from benchmarks.diagnosis.invariance import Pair
from benchmarks.diagnosis.remedied import Followed
from benchmarks.diagnosis.scoring import Score

Rows = Sequence[Sequence[str]]


def table(head: Sequence[str], rows: Rows) -> str:
    """A Markdown table whose columns line up as text too."""
    every = [list(head), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    return "\n".join([line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])


def percent(share: float) -> str:
    """A share, one digit where it is small."""
    return f"{100 * share:.0f}" if share in (0.0, 1.0) or share >= 0.1 else f"{100 * share:.1f}"


def balances(scores: Sequence[Score]) -> str:
    """Balanced accuracy and false alarms on healthy of each tool."""
    rows = []
    for score in scores:
        own = score.tool.can_say
        rows.append([
            score.tool.title, f"{score.balanced():.3f}", f"{score.balanced(own):.3f}", f"{len(own)}",
            percent(score.alarms_on_healthy),
        ])  # fmt: skip
    return table(["tool", "over all labels", "over its own", "classes", "false alarms on healthy, %"], rows)


def rates(scores: Sequence[Score]) -> str:
    """Miss and false-alarm rate of each tool for each verdict, in percent."""
    rows = []
    for score in scores:
        cells = []
        for label in LABELS:
            alarm = percent(score.false_alarm(label))
            missed = percent(score.missed(label)) if score.total(label) else "–"
            cells.append(f"{missed} / {alarm}" if label in score.tool.can_say else "cannot say")
        rows.append([score.tool.title, *cells])
    return table(["tool", *[f"{label} ({scores[0].total(label)})" for label in LABELS]], rows)


def families_of(families: Sequence[Family], half: Half) -> str:
    """The families of a half, with their labels and reasons."""
    rows = [
        [family.name, family.label, str(len(family.cases)), family.reason]
        for family in families
        if family.half == half and not family.borderline
    ]
    return table(["family", "label", "cases", "why"], rows)


def borderline(cases: Sequence[Case], verdicts: Mapping[str, str]) -> str:
    """What the cases got that two verdicts can be argued for."""
    rows = []
    for family in dict.fromkeys(case.family.name for case in cases):
        own = [case for case in cases if case.family.name == family]
        got = ", ".join(f"{case.variant}: {verdicts[case.name]}" for case in own)
        rows.append([family, own[0].label, own[0].family.reason, got])
    return table(["family", "argued for", "what stands against it", "got"], rows)


def invariances(pairs: Sequence[Pair]) -> str:
    """How many verdicts changed by what must not change them."""
    rows = []
    for change in dict.fromkeys(pair.change for pair in pairs):
        own = [pair for pair in pairs if pair.change == change]
        changed = [pair for pair in own if pair.before != pair.after]
        wrong = [pair for pair in own if pair.after != pair.expected]
        rows.append([change, str(len(own)), str(len(changed)), str(len(wrong))])
    return table(["change", "pairs", "verdict changed", "not the label"], rows)


def remedies(followed: Sequence[Followed]) -> str:
    """What became of runs whose remedies were followed."""
    rows = []
    for label in (*LABELS, "all"):
        own = [item for item in followed if label in (item.verdict, "all")]
        if not own:
            continue
        tried = [item for item in own if item.after]
        gone = Share(sum(item.after[0] != item.verdict for item in tried), len(own))
        one, two = (Share(sum(item.cured(steps) for item in own), len(own)) for steps in (1, 2))
        others = Counter(item.after[0] for item in tried if item.after[0] not in ("healthy", item.verdict))
        rows.append([
            label, str(len(own)), str(len(tried)), str(gone), str(one), str(two),
            ", ".join(f"{name} {count}" for name, count in others.most_common()),
        ])  # fmt: skip
    head = [
        "verdict",
        "runs",
        "with a setting to change",
        "verdict gone, %",
        "healthy, %",
        "healthy within two remedies, %",
    ]
    return table([*head, "what else came first"], rows)
