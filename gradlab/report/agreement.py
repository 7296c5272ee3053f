"""How far the seeds of one experiment agree: on the verdict, and with the spread that theory expects of them."""

from collections.abc import Sequence
from typing import Any

from gradlab.report.sweep_groups import Group, groups
from gradlab.report.sweep_words import word_of
from gradlab.report.words import say
from gradlab.results.stored import StoredRun

FIGURE = "init.backward_decades"
"""The figure whose spread over seeds theory knows."""

MOST_NAMED = 3
"""Seeds that are named of those that came to something else."""


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
    others = [f"{seeds_words(seeds)} {other}" for other, seeds in seeds_by_word(group).items() if other != word]
    return "; ".join([f"{word} {number} of {total}", *others])


def seeds_by_word(group: Group) -> dict[str, list[int]]:
    """The seeds that came to each word, in the order of `Group.verdicts`."""
    return {word: [run.seed for run in group.runs if word_of(run) == word] for word, _ in group.verdicts}


def seeds_words(seeds: Sequence[int]) -> str:
    """Seeds by number, the first ones of many.

    >>> seeds_words([3]), seeds_words([1, 3]), seeds_words([0, 1, 2, 5, 7])
    ('seed 3', 'seeds 1 and 3', 'seeds 0, 1, 2 and 2 more')
    """
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    named = [str(seed) for seed in seeds[:MOST_NAMED]]
    last = f"{len(seeds) - MOST_NAMED} more" if len(seeds) > MOST_NAMED else named.pop()
    return f"seeds {', '.join(named)} and {last}"


def spread_words(group: Group) -> str:
    """The spread that was seen beside the one that theory expects; "" where there is nothing to set side by side."""
    seen, spread = group.figures.get(FIGURE), expected_spread(group)
    if seen is None or seen.spread is None or spread is None:
        return ""
    left_out = seen.parts("decades")[2]
    return (
        f"{FIGURE} {say(seen.median, 'decades')}, spread seen {say(seen.spread, 'decades')}, expected "
        f"{say(spread, 'decades')}" + (f" {left_out}" if left_out else "")
    )


def lines(group: Group) -> list[str]:
    """How far the seeds agree, on the verdict and with theory."""
    return [line for line in (verdict_words(group), spread_words(group)) if line]


def expected_spread(group: Group) -> float | None:
    """The spread over seeds that theory expects, the mean of what it expects of each; None where it has no answer."""
    return _mean([run.summary.expected_spread for run in group.runs])


def expected_decades(group: Group) -> float | None:
    """What theory expects of `FIGURE`, likewise."""
    return _mean([run.summary.expected_backward_decades for run in group.runs])


def _mean(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are there."""
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None


def group_object(group: Group) -> dict[str, Any]:
    """A group as JSON has it: who agrees, and each figure over the seeds.

    Returns:
        `point` (what the sweep set), `seeds`, `verdict` (of most), `num_agreeing`, `agreement` (in words), `verdicts`
        (word -> seeds), `figures` (name -> median, spread, num_finite), `expected_backward_decades`, `expected_spread`.
    """
    return {
        "point": dict(group.point),
        "seeds": [run.seed for run in group.runs],
        "verdict": group.verdict,
        "num_agreeing": group.verdicts[0][1],
        "agreement": verdict_words(group),
        "verdicts": seeds_by_word(group),
        "figures": {
            name: {"median": figure.median, "spread": figure.spread, "num_finite": figure.num_finite}
            for name, figure in group.figures.items()
        },
        "expected_backward_decades": expected_decades(group),
        "expected_spread": expected_spread(group),
    }


def over_seeds(runs: Sequence[StoredRun]) -> tuple[Group, ...]:
    """The seeds of one experiment as a group; () where there is only one run."""
    return groups([({}, run) for run in runs], ()) if len(runs) > 1 else ()
