"""What two sweeps and their pairs are, in words: which point a pair is, its verdicts, and what holds of all pairs."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from gradlab.judgement.comparing.comparison import Changed
from gradlab.judgement.comparing.difference import COVERAGE
from gradlab.judgement.comparing.sweep_pairs import Pair, SweepComparison
from gradlab.judgement.comparing.sweep_points import PointRuns, shared_values
from gradlab.report.views.comparison import own_changes
from gradlab.report.views.groups import tally
from gradlab.report.words.points import point_words, value_words
from gradlab.report.words.values import Value, counted
from gradlab.report.words.verdicts import word_of

_MOST_CHANGES = 6
"""Changed config fields that are named."""


def same_everywhere(compared: SweepComparison) -> list[str]:
    """What holds of all pairs, so that no row has to say it."""
    lines = []
    fixed = shared_values([pair.point for pair in compared.pairs], compared.matched.factors)
    if fixed and len(compared.pairs) > 1:
        lines.append(f"in all pairs: {point_words(fixed, fixed)}")
    changes = changes_words(compared)
    lines += [f"from A to B: {changes}"] if changes else []
    verdicts = {verdict_words(pair) for pair in compared.pairs}
    if len(verdicts) == 1:
        lines.append(f"verdict {'of the pair' if len(compared.pairs) == 1 else 'of all pairs'}: {verdicts.pop()}")
    alike = sum(pair.identical for pair in compared.pairs)
    if alike:
        number = len(compared.pairs)
        whose = (
            "all pairs hold" if alike == number else f"{alike} of {number} pairs {'holds' if alike == 1 else 'hold'}"
        )
        lines.append(f"{whose} the same experiments with the same seeds on both sides")
        others = sum(pair.identical and not pair.same_figures for pair in compared.pairs)
        if others:
            lines[-1] += (
                f"; in {counted(others, 'pair')} of these the figures differ, by what an id does not know, such as gradlab's own code"
            )
    return lines


def changes_words(compared: SweepComparison) -> str:
    """Which config fields are not the same on the two sides of pairs, and in how many."""
    varying = varying_further(compared, compared.pairs)
    shown = [*compared.matched.factors, *compared.matched.further]
    pairs = [pair.comparison for pair in compared.pairs if pair.comparison is not None]
    found: dict[str, Counter[tuple[str, str]]] = {}
    for comparison in pairs:
        for item in own_changes(comparison):
            if _tells(item, shown):
                before, after = (value_words(_plain(value)) for value in item.values)
                found.setdefault(item.field, Counter())[before, after] += 1
    once = [key for key in compared.matched.further if key not in varying]
    told = [f"{key} {both_words(*map(value_words, compared.pairs[0].further[key]))}" for key in once]
    for field, changes in found.items():
        number = sum(changes.values())
        ((before, after), _), *others = changes.most_common()
        words = f"{field} {f'in {len(changes)} ways' if others else f'{before} → {after}'}"
        told.append(words if number == len(pairs) else f"{words} in {number} of {counted(len(pairs), 'pair')}")
    more = f" and {len(told) - _MOST_CHANGES} more" if len(told) > _MOST_CHANGES else ""
    return ", ".join(told[:_MOST_CHANGES]) + more


def varying_further(compared: SweepComparison, pairs: Sequence[Pair]) -> list[str]:
    """The keys by which points are not matched and that are not the same in all pairs; these have columns."""
    return [key for key in compared.matched.further if len({repr(pair.further[key]) for pair in pairs}) > 1]


def _tells(item: Changed, shown: Sequence[str]) -> bool:
    """Whether a changed field is none that the points or the rows show, and more than the place of one data file."""
    if any(item.field == key or item.field.startswith(f"{key}.") for key in shown):
        return False
    names = {PurePath(value).name for value in item.values if isinstance(value, str)}
    return item.field != "data.path" or len(names) > 1


def _plain(value: Any) -> Value:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def chance_words(compared: SweepComparison) -> str:
    """How many figures chance alone would call different."""
    number, pairs = compared.num_intervals
    if not number:
        return ""
    share = f"{1 - COVERAGE:.0%}"
    about = f"about {compared.chance:.0f}" if compared.chance >= 1.5 else "1 or none"
    return (
        f"where nothing changed, chance alone would call {about} of these {counted(number, 'figure')} in "
        f"{counted(pairs, 'pair')} better or worse (about {share})"
    )


def pair_words(pair: Pair) -> str:
    """Which pair it is: its factors, and further keys on both sides.

    `model.depth 10, train.lr 0.1 → 0.2`
    """
    told = [f"{key} {value_words(value)}" for key, value in pair.point.items()]
    told += [
        f"{key} {both_words(value_words(before), value_words(after))}" for key, (before, after) in pair.further.items()
    ]
    return ", ".join(told) or "all of it"


def both_words(before: str, after: str) -> str:
    """A word of both sides, once where it is the same."""
    return before if before == after else f"{before} → {after}"


def verdict_words(pair: Pair) -> str:
    """What most runs of each side came to, with how many where not all did.

    `healthy → vanishing 3/5`
    """
    return both_words(*map(side_verdict, pair.sides))


def side_verdict(side: PointRuns) -> str:
    """What most runs of a point came to, with how many where not all did."""
    if not side.runs:
        return "missing"
    (word, number), *_ = tally(word_of(run) for run in side.runs)
    return word if number == len(side.runs) else f"{word} {number}/{len(side.runs)}"
