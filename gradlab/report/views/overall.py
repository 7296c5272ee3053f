"""What a comparison comes to, in sentences: each further side against the first, why figures are judged so, and by what spread."""

from collections import Counter
from collections.abc import Sequence

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.judgement.comparing.difference import COVERAGE
from gradlab.judgement.comparing.rows import Row
from gradlab.report.views.comparison import Judged, judged
from gradlab.report.views.side_names import SideName

_COMES_TO = {
    "better": "is better than {first}",
    "worse": "is worse than {first}",
    "same": "is the same as {first}",
    "mixed": "is mixed against {first}",
    "cannot tell": "cannot be told from {first}",
    "too few seeds": "cannot be told from {first}, with too few seeds",
    "not comparable": "is not comparable with {first}",
}
"""What a judgement means of a side as a whole."""

_COMMON = 4
"""Figures that have one reason from which on it is told once, below them."""


def overall_words(comparison: Comparison, names: Sequence[SideName]) -> list[str]:
    """What each further side comes to against the first, a sentence each."""
    first = names[0].letter
    return [f"{name.letter} {_sentence(told, first)}" for name, told in zip(names[1:], judged(comparison), strict=True)]


def _sentence(told: Judged, first: str) -> str:
    if not told.word:
        return f"has no telling figure in common with {first}"
    groups = {"better": told.better, "worse": told.worse, "the same": told.same, **dict(told.rest)}
    leading = ", ".join(groups.pop("the same" if told.word == "same" else told.word, ()))
    labelled = "; ".join(f"{word}: {', '.join(figures)}" for word, figures in groups.items() if figures)
    told_of = f": {leading}" if leading else ""
    return (
        _COMES_TO[told.word].format(first=first)
        + told_of
        + (f"{'; ' if leading else ', '}{labelled}" if labelled else "")
    )


def spread_words(comparison: Comparison) -> str:
    """What the changes can be held against."""
    lonely = [side for side in comparison.sides if len(side.verdicts) == 1]
    one = "seed" if any(side.seeds for side in lonely) else "run"
    if len(comparison.sides[0].verdicts) == 1 or len(lonely) == len(comparison.sides) - 1:
        return f"no spread: one {one} on a side, so that nothing but a divergence is called better or worse"
    counts = [len(side.verdicts) for side in comparison.sides]
    if len(set(counts)) == 1:
        seeds = f"{counts[0]} seeds a side"
    elif len(counts) == 2:
        seeds = f"{counts[0]} and {counts[1]} seeds"
    else:
        seeds = f"{min(counts)} to {max(counts)} seeds a side"
    words = f"means over {seeds}; in brackets an interval of about {COVERAGE:.0%} of the change (Welch's t)"
    return f"{words}; none where a side has one {one}" if lonely else words


def common_reasons(rows: Sequence[Row], index: int) -> set[tuple[str, str]]:
    """Judgements of a further side with reasons that many figures share."""
    counts = Counter(reason for row in rows if (reason := _reason(row, index)) is not None)
    return {reason for reason, count in counts.items() if count >= _COMMON}


def reason_words(rows: Sequence[Row], index: int, said: set[str]) -> list[str]:
    """Why figures of a further side are judged as they are, a line a reason.

    Args:
        rows: The figures that are shown.
        index: Which further side.
        said: Figures whose reason stands beside them already.
    """
    judged_so = Counter(item.judgement for row in rows if (item := row.differences[index]) is not None)
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        reason = _reason(row, index)
        if reason is not None and row.figure not in said:
            found.setdefault(reason, []).append(row.figure)
    return [
        f"{word}: {because}" + ("" if judged_so[word] == len(figures) else f" ({', '.join(figures)})")  # type: ignore[index]
        for (word, because), figures in found.items()
    ]


def _reason(row: Row, index: int) -> tuple[str, str] | None:
    change = row.differences[index]
    return (
        None if change is None or change.judgement is None or not change.because else (change.judgement, change.because)
    )
