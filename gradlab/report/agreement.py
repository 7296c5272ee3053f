"""How far the seeds of one experiment agree: on the verdict, and with the spread that theory expects of them."""

from collections.abc import Sequence
from typing import Any

from gradlab.report.sweep_groups import Group, groups
from gradlab.report.sweep_words import numbered_seeds
from gradlab.results.stored import StoredRun

FIGURE = "init.backward_decades"
"""The figure whose spread over seeds theory knows."""


def verdict_words(group: Group) -> str:
    """What the seeds came to, and how many of them.

    One seed has nothing to agree with: it is its word alone.
    """
    word, number = group.verdicts[0]
    total = len(group.runs)
    if total == 1:
        return word
    if number == total:
        return f"{word} ({total} of {total} seeds)"
    others = [f"{numbered_seeds(seeds)} {other}" for other, seeds in group.seeds.items() if other != word]
    return "; ".join([f"{word} {number} of {total}", *others])


def spread_words(group: Group) -> str:
    """The figure and its spread as they were seen beside what theory expects; "" where there is nothing to set beside."""
    seen, expected = group.figures.get(FIGURE), group.expected
    if seen is None or seen.spread is None or expected is None or expected.spread is None:
        return ""
    median, spread, left_out = seen.parts("decades")
    typical, expected_spread, _ = expected.parts()
    left_out = f" {left_out}" if left_out else ""
    return f"{FIGURE}: median {median}, expected {typical}; spread seen {spread}{left_out}, expected {expected_spread}"


def lines(group: Group) -> list[str]:
    """How far the seeds agree, on the verdict and with theory."""
    return [line for line in (verdict_words(group), spread_words(group)) if line]


def group_object(group: Group) -> dict[str, Any]:
    """A group as JSON has it: who agrees, and each figure over the seeds.

    Returns:
        `point` (what the sweep set), `seeds`, `verdict` (of most), `num_agreeing`, `agreement` (in words), `verdicts`
        (word -> seeds), `figures` (name -> median, spread, num_finite), `expected_backward_decades`, `typical_backward_decades`,
        `expected_spread`.
    """
    expected = group.expected
    return {
        "point": dict(group.point),
        "seeds": [run.seed for run in group.runs],
        "verdict": group.verdict,
        "num_agreeing": group.verdicts[0][1],
        "agreement": verdict_words(group),
        "verdicts": group.seeds,
        "figures": {
            name: {"median": figure.median, "spread": figure.spread, "num_finite": figure.num_finite}
            for name, figure in group.figures.items()
        },
        "expected_backward_decades": None if expected is None else expected.decades,
        "typical_backward_decades": None if expected is None else expected.typical,
        "expected_spread": None if expected is None else expected.spread,
    }


def over_seeds(runs: Sequence[StoredRun]) -> tuple[Group, ...]:
    """The seeds of one experiment as a group; () where there is only one run."""
    return groups([({}, run) for run in runs], ()) if len(runs) > 1 else ()
